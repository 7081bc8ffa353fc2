// Command starter is the command line for staff, and the gateway.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/handrail/handrail/starter/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the process at once
	code := cli.Run(ctx, os.Args[1:], cli.Std())
	stop()
	os.Exit(code)
}

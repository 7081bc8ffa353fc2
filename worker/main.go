// Command worker hosts Handrail's workflows and activities.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the process at once
	code := std().run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

package handrail

import (
	_ "github.com/BurntSushi/toml"
	_ "github.com/bougou/go-ipmi/pkg/client"
	_ "github.com/emersion/go-smtp"
	_ "github.com/fergusstrange/embedded-postgres"
	_ "github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/pressly/goose/v3"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/spf13/cobra"
	_ "github.com/stmcginnis/gofish"
	_ "github.com/temporalio/ui-server/v2/server"
	_ "github.com/wneessen/go-mail"
	_ "go.temporal.io/sdk/client"
	_ "go.temporal.io/sdk/contrib/envconfig"
	_ "go.temporal.io/sdk/contrib/tally"
	_ "go.temporal.io/server/temporal"
	_ "pgregory.net/rapid"
	_ "golang.org/x/net/html"
)

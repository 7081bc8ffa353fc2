package temporal_test

import (
	"testing"

	"go.temporal.io/server/common/config"
)

// What docker-compose gives to Temporal's server is loaded by the server's own
// code, of the version that go.mod names.
func TestDeployedConfiguration(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.WithConfigFile("../../deploy/temporal.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Persistence.DefaultStore == "" || len(c.Services) != 4 {
		t.Errorf("loaded %+v", c)
	}
}

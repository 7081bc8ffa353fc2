package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/settings"
)

// inventory is a file of customers, servers and operating systems, as `worker
// import` reads it.
type inventory struct {
	Organizations []hosting.Organization    `json:"organizations"`
	Servers       []hosting.Server          `json:"servers"`
	Systems       []hosting.OperatingSystem `json:"systems"`
}

func importCommand() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "Write the customers, servers and operating systems of a JSON file into the records (DATABASE_URL)", Args: cobra.ExactArgs(1),
		Long: `Writes the customers, servers and operating systems of a JSON file into the
records: new ones are added, known ones replaced. A contact that is left out
becomes inactive; a server or system that is left out stays as it is. Of what is
wrong nothing is written, of its kind or of those that follow. For instance:

  {
    "organizations": [{"id": "rossi", "name": "Rossi S.p.A.", "contacts": [
      {"name": "Giulia Rossi", "email": "giulia@rossi.example", "language": "it", "primary": true, "active": true}]}],
    "servers": [{"serviceId": "srv-1001", "name": "mail", "hostName": "mail.rossi.example", "primaryIp": "192.0.2.10",
      "organization": "rossi", "site": "milan", "kind": "dedicated", "state": "active", "stagedAt": "2026-03-01T09:00:00Z",
      "bmc": {"endpoints": [
        {"protocol": "redfish", "address": "10.0.0.10:443", "secret": "file:srv-1001", "system": "System.Embedded.1",
         "tls": {"fingerprint": "SHA-256 of the certificate, in hex"}},
        {"protocol": "ipmi", "address": "10.0.0.10:623", "secret": "file:srv-1001"}]},
      "macs": ["52:54:00:12:34:56"]}],
    "systems": [{"id": "debian-12", "distribution": "Debian", "version": "12", "architecture": "x86_64",
      "firmware": ["uefi", "legacy"], "method": "installer", "answer": "preseed", "mirror": "http://deb.debian.org/debian",
      "kernel": {"path": "debian-12/linux", "sha256": "as sha256sum prints it"},
      "initrd": {"path": "debian-12/initrd.gz", "sha256": "as sha256sum prints it"}}]
  }

No password stands in it: secret names an entry of HANDRAIL_BMC_SECRETS. The macs
are those of the network cards that a server boots by; what boots are the files of
systems, by their paths below the folder of boot files. A system that should not
be offered any more is given once more, with "withdrawn": true.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var url string
			err := settings.Read(os.LookupEnv, []settings.Setting{
				{Name: "DATABASE_URL", Help: "the records' database", Required: true, Secret: true, Set: settings.To(&url)},
			})
			if err != nil {
				return err
			}
			in, err := readInventory(args[0])
			if err != nil {
				return err
			}
			if err := in.write(cmd.Context(), url); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d customers, %d servers and %d operating systems are in the records\n",
				len(in.Organizations), len(in.Servers), len(in.Systems))
			return err
		},
	}
}

// readInventory refuses what it does not know: a misspelled name would silently
// lose what it says.
func readInventory(path string) (inventory, error) {
	var in inventory
	f, err := os.Open(path)
	if err != nil {
		return in, err
	}
	defer f.Close() //nolint:errcheck // only read
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return in, fmt.Errorf("%s at byte %d: %w; see: worker import --help", path, d.InputOffset(), err)
	}
	if d.More() {
		return in, fmt.Errorf("%s goes on after its end at byte %d", path, d.InputOffset())
	}
	return in, nil
}

func (in inventory) write(ctx context.Context, url string) error {
	for _, s := range in.Systems {
		if err := s.Validate(); err != nil {
			return err
		}
	}
	r, err := records.Open(ctx, url)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.ImportOrganizations(ctx, in.Organizations); err != nil {
		return err
	}
	if err := r.ImportServers(ctx, in.Servers); err != nil {
		return err
	}
	return r.ImportSystems(ctx, in.Systems)
}

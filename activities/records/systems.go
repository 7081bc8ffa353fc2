package records

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/hosting"
)

// ImportSystems writes entries of the catalogue as they are given, all or none:
// new ones are added, known ones replaced by id, others stay. An entry that is
// of no use is an InvalidRequest that names it; two that offer the same system
// are a Conflict.
func (r *Records) ImportSystems(ctx context.Context, systems []hosting.OperatingSystem) error {
	var ids []string
	for _, s := range systems {
		if err := s.Validate(); err != nil {
			return err
		}
		if slices.Contains(ids, s.ID) {
			return hosting.Invalid("", "operating system "+s.ID+" stands twice in the import", "keep one of the two")
		}
		ids = append(ids, s.ID)
	}
	return r.write(ctx, task{doing: "importing operating systems"}, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		// One import after another; readers do not wait.
		b.Queue("LOCK TABLE operating_systems IN SHARE ROW EXCLUSIVE MODE")
		// Names may move between the entries of one import: all go before the
		// first comes back.
		b.Queue("DELETE FROM operating_systems WHERE id = ANY($1)", ids)
		for _, s := range systems {
			entry, err := json.Marshal(s)
			if err != nil {
				return err
			}
			b.Queue("INSERT INTO operating_systems (entry) VALUES ($1)", entry)
		}
		return tx.SendBatch(ctx, b).Close()
	})
}

// Systems returns the catalogue (I11), by distribution, version and edition, the
// withdrawn entries among them.
func (r *Records) Systems(ctx context.Context) ([]hosting.OperatingSystem, error) {
	t := task{doing: "reading the catalogue of operating systems"}
	// By length first, version 9 comes before version 12.
	rows, err := r.pool.Query(ctx, `
SELECT entry FROM operating_systems
ORDER BY lower(distribution), length(version), version, lower(edition), architecture, id`)
	if err != nil {
		return nil, explain(r.host, t, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[hosting.OperatingSystem])
	return list, explain(r.host, t, err)
}

// SystemMatch is which systems of the catalogue somebody's words name.
type SystemMatch struct {
	// Systems are none, the one that is meant, or several.
	Systems []hosting.OperatingSystem `json:"systems,omitempty"`
	// Offered are the titles of all that can be asked for.
	Offered []string `json:"offered,omitempty"`
}

// MatchSystem finds the systems that a customer's words name (I11). Words that
// name none are no error.
func (r *Records) MatchSystem(ctx context.Context, words string) (SystemMatch, error) {
	catalogue, err := r.Systems(ctx)
	if err != nil {
		return SystemMatch{}, err
	}
	m := SystemMatch{Systems: hosting.MatchSystems(catalogue, words)}
	for _, s := range catalogue {
		if s.Installable() && !slices.Contains(m.Offered, s.Title()) {
			m.Offered = append(m.Offered, s.Title())
		}
	}
	return m, nil
}

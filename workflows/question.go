package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/hosting"
)

// question is what is asked on the ticket, and in a few words what is then
// waited on.
type question struct {
	on     string
	letter hosting.Letter
}

// ask puts a question on the ticket, once, and waits until it is answered: with
// reminders, then parked, until it expires (O32).
func (op *operation) ask(ctx workflow.Context, q question, answered func() bool) error {
	c := &op.Customer
	if c.Asked == nil {
		if err := op.write(ctx, q.letter); err != nil {
			return err
		}
		c.Asked, c.Stage = op.now(), 0
	}
	err := op.awaitCustomer(ctx, q, answered)
	if err == nil || errors.Is(err, errExpired) {
		c.Asked = nil
	}
	return err
}

// stage is something that happens while a customer does not answer.
type stage struct {
	after  time.Duration // since the question
	letter hosting.LetterName
}

func (op *operation) stages() []stage {
	p := op.Policy.Customer
	var s []stage
	for _, d := range p.Reminders {
		s = append(s, stage{d.D(), hosting.LetterReminder})
	}
	return append(s, stage{p.Park.D(), hosting.LetterParked}, stage{p.Expire.D(), hosting.LetterExpired})
}

func (op *operation) awaitCustomer(ctx workflow.Context, q question, answered func() bool) error {
	c := &op.Customer
	for {
		if op.Held != nil {
			began := *op.now()
			if err := op.await(ctx, op.holding(), func() bool { return op.Held == nil }); err != nil {
				return err
			}
			later := c.Asked.Add(op.now().Sub(began))
			c.Asked = &later
			continue
		}
		next := op.stages()[c.Stage]
		w := wait{on: "customer: " + q.on, phase: hosting.PhaseWaiting, timeout: max(time.Second, c.Asked.Add(next.after).Sub(*op.now()))}
		if next.letter == hosting.LetterExpired {
			w.on += " (parked)"
		}
		err := op.await(ctx, w, func() bool { return answered() || op.Held != nil })
		switch {
		case err == nil && answered():
			return nil
		case err == nil:
			continue // on hold: the customer's clock stops
		case !errors.Is(err, errTimeout):
			return err
		}
		if next.letter == hosting.LetterExpired {
			return errExpired
		}
		letter := q.letter
		letter.Name = next.letter
		if err := op.write(ctx, letter); err != nil {
			return err
		}
		c.Stage++
	}
}

// Package workflows holds the procedures. One file each, named after what it
// does; the order of the steps stands there and nowhere else. What all
// procedures share is the spine:
//
//	operation.go   a row in the records and a workflow are one thing
//	step.go        steps, attention, waiting
//	staff.go       what staff can do to every operation
//	undo.go        clean-ups that a cancellation owes
//	identify.go    which server, whose
//	customer.go    what the customer says on the ticket
//	question.go    questions, reminders, parking
//	gates.go       what must be true before going on
//	erasure.go     the consent to lose data, bound to what is erased
//	exclusive.go   the server for one operation alone, alerts muted
//	machine.go     power, under the customer's permission
//	netboot.go     the boot of a machine over the network
//	follow.go      what a machine says that boots so, and what it shows
//	letters.go     what is written to people
//	visibility.go  search attributes, details, estimates, status
//	options.go     how activities are called
//	reconciler.go  what terminated workflows leave behind
package workflows

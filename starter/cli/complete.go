package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	// completeWithin is how long somebody who pressed Tab is kept waiting.
	completeWithin = 2 * time.Second
	completeAtMost = 100
)

// running lists operations for a completion, those that the command is for; where Temporal does not answer
// there is nothing to complete from.
func (a *app) running(c *cobra.Command) []Row {
	ctx, cancel := context.WithTimeout(c.Context(), completeWithin)
	defer cancel()
	rows, err := a.operations(ctx, filter{procedures: procedureOf[c.Name()], limit: completeAtMost})
	if err != nil {
		return nil
	}
	return rows
}

// completeOperation completes the workflow ids of operations that run, with
// what they are at as the description.
func (a *app) completeOperation(c *cobra.Command) ([]string, cobra.ShellCompDirective) {
	var words []string
	for _, r := range a.running(c) {
		about := strings.Join(slices.DeleteFunc([]string{r.Server, r.Phase, r.Step, r.WaitingOn}, func(s string) bool { return s == "" }), ", ")
		words = append(words, cobra.CompletionWithDesc(harmless(r.Workflow), harmless(oneLine(about))))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// completeFrom lets the shell complete a flag with what running operations have
// in one column.
func (a *app) completeFrom(c *cobra.Command, flag string, column func(Row) string) {
	// The flag was added a line above: the call can not fail.
	_ = c.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		var words []string
		for _, r := range a.running(cmd) {
			if v := harmless(column(r)); v != "" && !slices.Contains(words, v) {
				words = append(words, v)
			}
		}
		slices.Sort(words)
		return words, cobra.ShellCompDirectiveNoFileComp
	})
}

// complete lets the shell complete a flag from a list.
func complete[T ~string](c *cobra.Command, flag string, values []T) {
	// The flag was added a line above: the call can not fail.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(texts(values), cobra.ShellCompDirectiveNoFileComp))
}

// nothing keeps the shell from completing a flag's free text with file names.
func nothing(c *cobra.Command, flags ...string) {
	for _, flag := range flags {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions) // as above
	}
}

func texts[T ~string](values []T) []string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	return words
}

func join[T ~string](values []T) string { return strings.Join(texts(values), ", ") }

package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/workflows"
)

// CheckNamespace reports, as Conflict, search attributes that the namespace
// lacks or has with another type: without them no workflow starts. Where the
// operator's service is out of reach, as on Temporal Cloud, nothing can be
// said.
func CheckNamespace(ctx context.Context, tc client.Client, namespace string) error {
	missing, err := missingAttributes(ctx, tc, namespace)
	if errors.Is(err, errNoOperator) {
		return nil
	}
	if err != nil || len(missing) == 0 {
		return err
	}
	names := slices.Sorted(maps.Keys(missing))
	return hosting.NewFault(hosting.FaultConflict, "", fmt.Sprintf("the namespace %s does not know the search attributes %s", namespace, strings.Join(names, ", ")),
		"run: worker setup")
}

// SetUpNamespace makes the search attributes known to the namespace. What is
// known already stays.
func SetUpNamespace(ctx context.Context, tc client.Client, namespace string) error {
	missing, err := missingAttributes(ctx, tc, namespace)
	if errors.Is(err, errNoOperator) {
		return fmt.Errorf("the namespace %s: %w. To do: with your Temporal service's own tool, see that it has %s", namespace, err, needed())
	}
	if err != nil || len(missing) == 0 {
		return err
	}
	_, err = tc.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if err != nil {
		return fmt.Errorf("making the search attributes known to the namespace %s: %w", namespace, err)
	}
	return nil
}

// errNoOperator tells that Temporal's operator service is not to be had.
var errNoOperator = errors.New("search attributes can not be looked at or added from here")

func missingAttributes(ctx context.Context, tc client.Client, namespace string) (map[string]enumspb.IndexedValueType, error) {
	known, err := tc.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	_, closed := errors.AsType[*serviceerror.PermissionDenied](err)
	_, absent := errors.AsType[*serviceerror.Unimplemented](err)
	if closed || absent {
		return nil, errNoOperator
	}
	if err != nil {
		return nil, fmt.Errorf("the search attributes of the namespace %s (TEMPORAL_NAMESPACE) can not be read: %w", namespace, err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for _, key := range workflows.SearchAttributes() {
		has, ok := known.GetCustomAttributes()[key.GetName()]
		if ok && has != key.GetValueType() {
			return nil, hosting.NewFault(hosting.FaultConflict, "",
				fmt.Sprintf("the namespace %s has the search attribute %s as %s, Handrail needs it as %s", namespace, key.GetName(), has, key.GetValueType()),
				"give Handrail a namespace of its own")
		}
		if !ok {
			missing[key.GetName()] = key.GetValueType()
		}
	}
	return missing, nil
}

// needed lists Handrail's search attributes with their types.
func needed() string {
	var all []string
	for _, key := range workflows.SearchAttributes() {
		all = append(all, fmt.Sprintf("%s (%s)", key.GetName(), key.GetValueType()))
	}
	return strings.Join(all, ", ")
}

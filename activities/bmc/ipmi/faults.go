package ipmi

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"

	"github.com/handrail/handrail/hosting"
)

// errPanic is an answer that go-ipmi could not read without breaking.
var errPanic = errors.New("the answer is malformed")

// RMCP+ status codes by what they mean for us (IPMI v2.0, table 13-15).
var (
	loginStatuses = []types.RmcpStatusCode{
		types.RmcpStatusCodeUnauthorizedName, types.RmcpStatusCodeInvalidNameLength, types.RmcpStatusCodeInvalidIntegrityCheckValue,
		types.RmcpStatusCodeInvalidRole, types.RmcpStatusCodeUnauthorizedRoleOfPriLevel,
	}
	suiteStatuses = []types.RmcpStatusCode{
		types.RmcpStatusCodeInvalidAuthAlg, types.RmcpStatusCodeInvalidIntegrityAlg, types.RmcpStatusCodeInvalidConfidentAlg,
		types.RmcpStatusCodeNoMatchingAuthPayload, types.RmcpStatusCodeNoMatchingIntegrityPayload, types.RmcpStatusCodeNoCipherSuiteMatch,
	}
)

// LoginRefused reports whether err tells that the BMC refused the login.
func LoginRefused(err error) bool {
	if errors.Is(err, client.ErrRAKPAuthentication) {
		return true
	}
	s, ok := errors.AsType[*types.RmcpStatusError](err)
	return ok && slices.Contains(loginStatuses, s.StatusCode())
}

func suiteRefused(err error) bool {
	s, ok := errors.AsType[*types.RmcpStatusError](err)
	return ok && slices.Contains(suiteStatuses, s.StatusCode())
}

// completions say what a completion code means (IPMI v2.0, table 5-2).
var completions = []struct {
	codes    []types.CompletionCode
	kind     hosting.FaultKind
	what, do string
}{
	{[]types.CompletionCode{types.CodeInsufficientPrivilege}, hosting.FaultUnsupported, "the BMC's user may not do this", "give the user of the secret the privilege of an operator"},
	{
		[]types.CompletionCode{types.CodeInvalidCommand, types.CodeInvalidCommandForLUN, types.CodeIllegalCommand, types.CodeSubFnDisabled, types.CodeParameterNotSupported},
		hosting.FaultUnsupported, "the BMC does not support this over IPMI", "use Redfish or the console",
	},
	{
		[]types.CompletionCode{types.CodeNodeBusy, types.CodeProcessTimeout, types.CodeOutOfSpace, types.CodeCannotProvideResponse, types.CodeCannotProvideResponseFirmwareUpdate, types.CodeCannotProvideResponseBMCInitialize},
		hosting.FaultUnreachable, "the BMC is busy", "try again; if it stays so, restart the BMC",
	},
	{[]types.CompletionCode{types.CodeNotSupported}, hosting.FaultUnreachable, "the BMC refuses this in the machine's present state", "read the power state, then try again"},
}

// refusal returns the completion code with which the BMC refused, if it did.
func refusal(err error) (types.CompletionCode, bool) {
	r, ok := types.IsResponseError(err)
	if !ok || r.CompletionCode() == types.CodeOK { // go-ipmi's code for an answer it can not read
		return 0, false
	}
	return r.CompletionCode(), true
}

// fault turns what go-ipmi returns into a *hosting.Fault.
func (c *Client) fault(doing string, err error) *hosting.Fault {
	what := doing + " over IPMI at " + c.cfg.Address
	switch code, refused := refusal(err); {
	case LoginRefused(err):
		return hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "the BMC refused the login: "+what,
			"check the secret "+c.cfg.Secret+" against the BMC's user, and that the user may use IPMI over LAN").Because(err)
	case suiteRefused(err):
		return hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "the BMC offers no cipher suite that is safe to use (17 or 3): "+what,
			"enable cipher suite 17 on the BMC, or use Redfish").Because(err)
	case refused:
		return c.refusedFault(what, code)
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("no answer within %s", c.cfg.limits().Request)
	}
	return hosting.NewFault(hosting.FaultUnreachable, c.cfg.Server, "the BMC can not be reached: "+what,
		"look at the management network and the BMC; IPMI over LAN may be switched off").Because(err)
}

func (c *Client) refusedFault(what string, code types.CompletionCode) *hosting.Fault {
	cause := fmt.Errorf("completion code %02Xh", uint8(code))
	for _, x := range completions {
		if slices.Contains(x.codes, code) {
			return hosting.NewFault(x.kind, c.cfg.Server, x.what+": "+what, x.do).Because(cause)
		}
	}
	return hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "the BMC refused the request: "+what, "use Redfish or the console").Because(cause)
}

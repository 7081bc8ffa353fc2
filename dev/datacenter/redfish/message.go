package redfish

import (
	"fmt"
	"net/http"

	"github.com/handrail/handrail/dev/datacenter/vendor"
)

// message is one of the DMTF's base messages (DSP8011) with the status that
// it is sent with. The text takes the arguments.
type message struct {
	status int
	id     string
	text   string
	todo   string
}

var (
	success            = message{http.StatusOK, "Success", "The request completed successfully.", "None"}
	malformedJSON      = message{http.StatusBadRequest, "MalformedJSON", "The request body is not valid JSON.", "Correct the body and send it again."}
	noValidSession     = message{http.StatusUnauthorized, "NoValidSession", "There is no valid session and no valid user with the request.", "Log in and send the request again."}
	resourceMissing    = message{http.StatusNotFound, "ResourceMissingAtURI", "There is no resource at %s.", "Correct the URI."}
	methodNotAllowed   = message{http.StatusMethodNotAllowed, "OperationNotAllowed", "The method is not allowed on this resource.", "See the Allow header."}
	preconditionFailed = message{http.StatusPreconditionFailed, "PreconditionFailed", "The ETag does not match the resource as it is.", "Read the resource again."}
	bodyTooLarge       = message{http.StatusRequestEntityTooLarge, "PayloadTooLarge", "The request body is too large.", "Send less."}
	unsupportedMedia   = message{http.StatusUnsupportedMediaType, "UnrecognizedRequestBody", "The request body is not application/json.", "Send JSON and say so."}
	queryUnsupported   = message{http.StatusNotImplemented, "QueryNotSupported", "The query parameter %s is not supported.", "Leave it out."}
	serviceUnavailable = message{http.StatusServiceUnavailable, "ServiceTemporarilyUnavailable", "The service is temporarily unavailable.", "Wait and send the request again."}
	sessionLimit       = message{http.StatusServiceUnavailable, "SessionLimitExceeded", "As many sessions are open as the service allows.", "Close a session."}
	badLogin           = message{http.StatusUnauthorized, "ResourceAtUriUnauthorized", "The user name or the password is wrong.", "Correct them."}
	resourceInUse      = message{http.StatusConflict, "ResourceInUse", "The resource is in use or in transition.", "Remove the condition and send the request again."}
	parameterMissing   = message{http.StatusBadRequest, "ActionParameterMissing", "The action %s needs the parameter %s.", "Add the parameter."}
	parameterNotInList = message{http.StatusBadRequest, "ActionParameterValueNotInList", "The value %s of the parameter %s is not one of those that the action takes.", "Use a value that is listed."}
	propertyUnknown    = message{http.StatusBadRequest, "PropertyUnknown", "The property %s is not known.", "Leave it out."}
	propertyReadOnly   = message{http.StatusBadRequest, "PropertyNotWritable", "The property %s can not be written.", "Leave it out."}
	valueNotInList     = message{http.StatusBadRequest, "PropertyValueNotInList", "The value %s of the property %s is not one of those that it takes.", "Use a value that is listed."}
	wrongType          = message{http.StatusBadRequest, "PropertyValueTypeError", "The value %s of the property %s has the wrong type.", "Correct the type."}
	wrongFormat        = message{http.StatusBadRequest, "PropertyValueFormatError", "The value %s of the property %s has the wrong format.", "Correct the value."}
)

func severity(status int) string {
	switch {
	case status < 400:
		return "OK"
	case status < 500:
		return "Warning"
	default:
		return "Critical"
	}
}

// problem answers with a base message in Redfish's extended-info format
// (DSP0266, error responses).
func (s *Service) problem(m message, args ...string) reply {
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = a
	}
	return s.extended(m.status, s.Hardware.Errors.Registry+"."+m.id, fmt.Sprintf(m.text, values...), m.todo, args)
}

// refuse answers as the vendor does.
func (s *Service) refuse(r *vendor.Refusal) reply {
	return s.extended(r.Status, r.MessageID, r.Message, "Wait, or change the condition.", nil)
}

// done answers that a change was made, in the vendor's way.
func (s *Service) done() reply {
	if s.Hardware.Errors.SuccessBody {
		return s.extended(success.status, s.Hardware.Errors.Registry+"."+success.id, success.text, success.todo, nil)
	}
	return reply{status: http.StatusNoContent}
}

func (s *Service) extended(status int, id, text, todo string, args []string) reply {
	code := s.Hardware.Errors.Code
	if code == "" {
		code = s.Hardware.Errors.Registry + ".GeneralError"
	}
	if args == nil {
		args = []string{}
	}
	return reply{status: status, body: doc{"error": doc{
		"code":    code,
		"message": "See @Message.ExtendedInfo.",
		"@Message.ExtendedInfo": []doc{{
			"@odata.type": "#Message.v1_0_8.Message", "MessageId": id, "Message": text, "MessageArgs": args,
			"Severity": severity(status), "Resolution": todo,
		}},
	}}}
}

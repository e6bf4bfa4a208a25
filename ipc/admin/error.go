package admin

// Code is why a request was not done, for programs.
type Code string

const (
	CodeFailed    Code = "failed"     // the message says why
	CodeUnknown   Code = "unknown"    // this server knows no such request
	CodeForbidden Code = "forbidden"  // it changes the server, and this client may only look
	CodeWrong     Code = "wrong"      // a field is not what it should be
	CodeNoSession Code = "no-session" // none has this ID, or not any more
	CodeBusy      Code = "busy"       // too many clients
	CodeSlow      Code = "slow"       // the client did not read what it had asked for
	CodeEnding    Code = "ending"     // the server ends
)

// Error is what an answer ends with if a request was not done.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

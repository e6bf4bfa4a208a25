package protocol

import "strconv"

// ErrorCode is the number in an ERROR packet (RFC 1350 §5, RFC 2347).
type ErrorCode uint16

// The codes that the RFCs define. Others are seen on the wire and parse.
const (
	CodeUndefined ErrorCode = iota
	CodeNotFound
	CodeAccessViolation
	CodeDiskFull
	CodeIllegalOperation
	CodeUnknownTID
	CodeFileExists
	CodeNoSuchUser
	CodeOptionRefused
)

var codeNames = [...]string{
	CodeUndefined:        "undefined error",
	CodeNotFound:         "file not found",
	CodeAccessViolation:  "access violation",
	CodeDiskFull:         "disk full",
	CodeIllegalOperation: "illegal operation",
	CodeUnknownTID:       "unknown TID",
	CodeFileExists:       "file exists",
	CodeNoSuchUser:       "no such user",
	CodeOptionRefused:    "option refused",
}

// String returns a few words for c, such as "file not found".
func (c ErrorCode) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "error code " + strconv.Itoa(int(c))
}

package worker_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"brood/protocol"
	"brood/worker"
)

// A program's main begins with Dispatch: started by a supervisor it is a worker and
// goes no further.
func ExampleDispatch() {
	newHandler := func(config []byte) (worker.Handler, error) {
		greeting := string(config) // supervisor.Options.Config
		if greeting == "" {
			return nil, errors.New("a greeting is missing: set Options.Config") // ends the server's start
		}
		return worker.HandlerFunc(func(_ context.Context, req *worker.Request) (worker.Response, error) {
			return worker.Bytes(fmt.Appendf(nil, "%s, %v\n", greeting, req.Peer.Addr())), nil
		}), nil
	}
	if code, ok := worker.Dispatch(newHandler, worker.Options{}); ok {
		os.Exit(code)
	}
	fmt.Println("this process was started by a user: here the supervisor begins")
	// Output: this process was started by a user: here the supervisor begins
}

// A handler's error is the client's ERROR packet: what the client may know as
// *protocol.Error, what is missing and what is forbidden by its kind, and everything
// else by a fixed text, of which the log has the rest.
func ExampleErrorFor() {
	for _, err := range []error{
		fmt.Errorf("no kernel for arm64: %w", fs.ErrNotExist),
		fmt.Errorf("not for this network: %w", fs.ErrPermission),
		&protocol.Error{Code: protocol.CodeUndefined, Message: "Not yet enrolled: see https://boot.example/"},
		errors.New("dial tcp 192.0.2.1:5432: connection refused"),
	} {
		e := worker.ErrorFor(err)
		fmt.Printf("ERROR %d %s\n", e.Code, e.Message)
	}
	// Output:
	// ERROR 1 File not found
	// ERROR 2 Access violation
	// ERROR 0 Not yet enrolled: see https://boot.example/
	// ERROR 0 Server error, see its log
}

// unpacked is content that is made while it is read: it may keep its reader waiting,
// for which the session has a goroutine, and nobody knows its size before its end.
type unpacked struct {
	*gzip.Reader
	file io.Closer
}

func (u *unpacked) Size() (int64, bool) { return 0, false }
func (u *unpacked) Close() error        { return u.file.Close() }

func ExampleResponse() {
	open := func(_ context.Context, req *worker.Request) (worker.Response, error) {
		f, err := os.Open("/srv/packed/" + req.File + ".gz")
		if err != nil {
			return nil, err // fs.ErrNotExist, and so ERROR 1
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			f.Close()
			return nil, err
		}
		return &unpacked{z, f}, nil
	}
	_, err := open(context.Background(), &worker.Request{File: "no-such-image"})
	fmt.Println(worker.ErrorFor(err).Message)
	// Output: File not found
}

// What a client can't do for itself is said by its handler, in Open.
func ExampleQuirks() {
	open := func(_ context.Context, req *worker.Request) (worker.Response, error) {
		if strings.HasPrefix(req.MAC, "00:80:64:") { // these phones hang on an OACK
			req.Quirks.NoOptions = true
		}
		return worker.Bytes([]byte("content")), nil
	}
	req := &worker.Request{File: "phone.cnf", MAC: "00:80:64:12:34:56"}
	open(context.Background(), req)
	fmt.Println(req.Quirks.NoOptions)
	// Output: true
}

// A handler that runs programs for some requests takes the right to do so from itself
// for all others. The server is told supervisor.SandboxExec.
func ExampleNarrow() {
	files := worker.HandlerFunc(func(context.Context, *worker.Request) (worker.Response, error) {
		return nil, fs.ErrNotExist
	})
	programs := files
	_ = worker.HandlerFunc(func(ctx context.Context, req *worker.Request) (worker.Response, error) {
		if strings.HasPrefix(req.File, "made/") {
			return programs.Open(ctx, req)
		}
		if err := worker.Narrow(worker.SandboxStrict); err != nil {
			return nil, err
		}
		return files.Open(ctx, req)
	})
}

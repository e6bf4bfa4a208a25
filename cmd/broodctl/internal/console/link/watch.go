package link

import (
	"context"
	"time"

	"brood/ipc/admin"
)

// Watch hands over what happens at the server, progress included, from an
// admin.EventWatching on until the connection is lost, which the error tells, or ctx
// ends. What was answered before that is nothing to go by then.
func (l *Link) Watch(ctx context.Context, yield func(*admin.Event)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// Nothing may happen for days, but that it is watching a server says at once.
	late := time.AfterFunc(AnswersWithin, func() { cancel(&Error{true, errSilent}) })
	defer late.Stop()
	client, end, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	defer l.status.forget()
	defer l.sessions.forget()
	err = admin.Each(client, admin.Request{Kind: admin.KindEvents, Text: "progress"}, func(e admin.Event) error {
		late.Stop()
		yield(&e)
		return nil
	})
	if err == nil {
		err = &Error{false, errClosed}
	}
	return explained(ctx, err)
}

package link

import (
	"context"

	"brood/ipc/admin"
)

// CatchUp is what the server knows of sessions at this moment: those that run or wait,
// and those that it remembers to have ended, the latest first. It is asked for who
// watches already, and so nothing is missed in between.
func (l *Link) CatchUp(ctx context.Context) (running []admin.Session, ended []admin.Ended, err error) {
	_, err = alone(ctx, l, AnswersWithin, func(ctx context.Context) (any, error) {
		if running, err = ask[admin.Session](ctx, l, admin.Request{Kind: admin.KindSessions}); err == nil {
			ended, err = ask[admin.Ended](ctx, l, admin.Request{Kind: admin.KindHistory})
		}
		return nil, err
	})
	return running, ended, err
}

package top

import "strings"

// help is a page that fits on a screen of 60 by 20.
const help = `Keys
  arrows, page up, page down, home, end
         move; the cursor stays on its session
  enter  what this client has asked for, and how that went
  /      show sessions with all words that you type, each in
         the client, MAC, file or state (waiting serving
         ending), or one of stuck and lossy
  < >    sort by the column to the left, to the right
  r      sort the other way round
  k      end this session, after a question
  esc    back; no filter and no cursor
  space  ask the server now
  q      quit; ctrl+z suspends
Signs, beside colours
  !  stuck: nothing new was acknowledged for 5 s or longer
  r  lossy: of 20 packets one or more was sent again
  w  waits for a worker
  x  was told to end
                                               any key: back`

func (m *Model) help() []string { return strings.Split(help, "\n") }

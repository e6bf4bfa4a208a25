package workertest

import "brood/worker/client"

// Client reads files from a server that runs, by TFTP.
type Client = client.Client

// Result is what a Client learned besides the content.
type Result = client.Result

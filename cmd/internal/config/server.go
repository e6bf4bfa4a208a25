package config

// Server is everything that a flag or a key of the file can say about the server.
// The zero value of a field is its default.
type Server struct {
	// # What is served

	// The directory that is served; nothing outside it is ever opened. It is the
	// short form of a `content` with one files handler. Default: `content`.
	Root Dir `yaml:"root"`
	// A further tree that symbolic links under the root may lead to; repeatable.
	// Default: none.
	Follow []Dir `yaml:"follow"`

	// # Where

	// `ADDRESS:PORT`, `[ADDRESS]:PORT` or `:PORT` (every address), or `fd:NAME`:
	// the sockets of this name that [systemd](#under-systemd) passed; repeatable.
	// Default: systemd's sockets, or `:69`.
	Listen []Address `yaml:"listen"`
	// Ports that sessions answer from, for firewalls. Default: the kernel's ephemeral
	// ports.
	PortRange PortRange `yaml:"port-range"`
	// Sessions answer from the port that was asked, for firewalls and NATs that let
	// nothing else through; who can send in a client's name can then end its sessions,
	// see [below](#through-a-firewall). Default: off.
	SinglePort bool `yaml:"single-port"`

	// # Who is served

	// Serve this network (`10.1.0.0/16`, `2001:db8::/32`) or address; repeatable. Of all
	// prefixes here and in `deny` that a client is in, the longest decides; who is in
	// none is served unless there is an `allow`. Default: everybody.
	Allow []Prefix `yaml:"allow"`
	// Answer this network or address with ERROR 2; repeatable. Default: nobody.
	Deny []Prefix `yaml:"deny"`
	// Requests a second of one client address, as a mean over 10 s: ten times as many
	// may come at once. Further ones are dropped, without an answer; one that is sent
	// again while it waits or is being answered does not count. Default: any number.
	MaxRequestsPerSource int `yaml:"max-requests-per-source"`
	// The same for the /24 of an IPv4 address, the /64 of an IPv6 one. Default: any number.
	MaxRequestsPerPrefix int `yaml:"max-requests-per-prefix"`
	// A client that crashes a second session after its first ACK is not heard for 10 s,
	// and twice as long after each further crash, up to 10 min; off for machines behind
	// one NAT. Default: on.
	Penalties Toggle `yaml:"penalties"`

	// # Processes

	// The workers' account, by name or number. Default: nobody, when started as root.
	User Account `yaml:"user"`
	// Keep workers from everything but reading what is served and answering their client,
	// as far as the kernel can, see [below](#the-processes); `require`: refuse to start
	// if it can't do all of that. Default: on.
	Sandbox SandboxMode `yaml:"sandbox"`
	// Address space of a worker at most, in MiB, of which the Go runtime reserves about
	// 1200; 0: no bound. Default: 4096.
	MaxAddressSpace Count `yaml:"max-address-space"`
	// Memory of all workers together at most, such as 2GiB, with what they run; it takes a
	// control group of their own, see [below](#bounds-for-all-workers). Default: no bound.
	WorkersMemory Size `yaml:"workers-memory"`
	// Processes and threads of all workers together at most, with what they run; a worker
	// has about ten. As `workers-memory`. Default: no bound.
	WorkersTasks int `yaml:"workers-tasks"`
	// Idle workers that wait ahead of demand; 0: none, an exec per request. Default: 2
	// per CPU that it may use.
	MinIdle Count `yaml:"min-idle"`
	// Idle workers at most; in between their number follows demand: as many as were
	// taken within a second of late. Default: 4 times `min-idle`.
	MaxIdle int `yaml:"max-idle"`
	// Sessions at once; further requests wait. Default: 1024.
	MaxSessions int `yaml:"max-sessions"`
	// Sessions of one client address at once; its further requests wait, and those of
	// other addresses pass them. Machines behind one NAT are one address: give it
	// `max-sessions`. Default: half of `max-sessions`, or 64 if that is more.
	MaxSessionsPerSource int `yaml:"max-sessions-per-source"`
	// Sessions that a worker may serve in its life, one after the other, 1 to 10000.
	// More save an exec each, but the process's memory is not wiped between two, see
	// [below](#the-processes). Default: 1.
	SessionsPerWorker int `yaml:"sessions-per-worker"`

	// # Protocol

	// Wait for an ACK before sending again, 10ms to 255s; doubles with each try.
	// Default: 1s.
	Timeout Duration `yaml:"timeout"`
	// Send again at most so often, 0 to 100; once a round trip was measured, as often
	// as it takes to be as patient. Default: 5.
	Retries Count `yaml:"retries"`
	// Largest negotiable block, 8 to 65464 bytes. Default: 65464.
	MaxBlksize int `yaml:"max-blksize"`
	// Keep blocks within the MTU of the route to the client, so that none goes in
	// fragments. Default: on.
	MTUClamp Toggle `yaml:"mtu-clamp"`
	// Largest negotiable window, 1 to 65535 blocks; 1: lock-step only. Default: 64.
	MaxWindowsize int `yaml:"max-windowsize"`
	// Blocks of a window that are given to the kernel at once, so that other packets get
	// in between; for links and NICs that lose long trains. Default: the window, as far
	// as one write takes it: 64 blocks.
	MaxBurst int `yaml:"max-burst"`
	// End a session in which nothing new was acknowledged for so long, 2s or more; 0:
	// never. Default: 10m.
	StallTimeout Span `yaml:"stall-timeout"`
	// End a session that takes longer; 0: never. Default: 24h.
	MaxSessionTime Span `yaml:"max-session-time"`

	// # Operators

	// A Unix socket on which `broodctl` sees every session, and acts, see
	// [below](#operating). Default: none.
	Admin File `yaml:"admin"`
	// The group that may use this socket, by name or number. Default: that of the account
	// brood, or else root's, when started as root; else nobody but the server's own user.
	AdminGroup Account `yaml:"admin-group"`
	// Serve metrics for Prometheus, health and JSON on this TCP `ADDRESS:PORT`, in a
	// process of its own, `broodctl console`, see [below](#operating); `:PORT` is of the
	// loopback address, every address is `0.0.0.0:PORT` or `[::]:PORT`. Default: none.
	HTTP HTTPAddress `yaml:"http"`
	// A file with the token that requests there must have which change something; without
	// it none can. Default: none.
	HTTPToken File `yaml:"http-token"`

	// # Reports

	// `text` or `json`, to standard error. Default: text.
	LogFormat LogFormat `yaml:"log-format"`
	// `trace`, `debug`, `info`, `warn` or `error`. Default: info.
	LogLevel LogLevel `yaml:"log-level"`
	// How often the counters are logged. Default: 1m.
	StatsInterval Duration `yaml:"stats-interval"`
}

// Start are the flags that are no keys: they lead to the file.
type Start struct {
	// # Configuration

	// A YAML file that can say everything that flags say, by the same names, and more, see
	// [below](#the-configuration-file); where both say something, the flag wins. Default:
	// none.
	Config File `yaml:"config"`
	// The program that reads the file, fetches from origins and serves HTTP. Default: beside brood, or else in PATH.
	Broodctl File `yaml:"broodctl"`
}

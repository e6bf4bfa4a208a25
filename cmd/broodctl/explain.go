package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"brood/cmd/broodctl/internal/explain"
	"brood/cmd/internal/config"
	"brood/protocol"
	"brood/worker"
)

func newExplain() *cobra.Command {
	var peer, local, mac string
	var files, options []string
	cmd := &cobra.Command{
		Use:   "explain --peer IP [--file F]... FILE",
		Short: "Say what a client gets by FILE, and why",
		Long: `Explain says which rules of a configuration file apply to a request, which handler
answers, and what is sent: its size and how a text begins, or the ERROR. The handler
is asked here, as you; programs are not run, and nothing is fetched.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := request(peer, local, mac, options)
			if err != nil {
				return err
			}
			file, r, err := settled(args[0], nil)
			if err != nil {
				return err
			}
			contents, err := config.Open(r.Worker, config.Program{Release: "explain"})
			if err != nil {
				return failure{fmt.Errorf("%s: %w", args[0], err)}
			}
			e := explain.Explainer{
				Out: cmd.OutOrStdout(), Options: r.Server.Options(), Contents: contents, Sources: file.Sources(),
				Line: func(rule int) int { return file.Line(fmt.Sprintf("rules.%d", rule-1)) },
			}
			e.Client(req)
			for _, name := range files {
				asked := *req
				asked.File = name
				e.Request(cmd.Context(), &asked)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&peer, "peer", "", "the client's address (required)")
	f.StringVar(&local, "local", "", "the address that it asks (default any)")
	f.StringVar(&mac, "mac", "", "its hardware address, as the neighbour table has it (default not known)")
	f.StringArrayVar(&files, "file", nil, "the file that it asks for; repeatable")
	f.StringArrayVar(&options, "option", nil, "an option that it asks for, NAME=VALUE; repeatable")
	cmd.MarkFlagRequired("peer")
	return cmd
}

func request(peer, local, mac string, options []string) (*worker.Request, error) {
	req := &worker.Request{MAC: mac, Mode: protocol.Octet}
	addr, err := netip.ParseAddr(peer)
	if err != nil {
		return nil, fmt.Errorf("--peer %q: want an IP address", peer)
	}
	addr = addr.Unmap()
	req.Peer = netip.AddrPortFrom(addr, 2070)
	asked := netip.IPv4Unspecified()
	if addr.Is6() {
		asked = netip.IPv6Unspecified()
	}
	if local != "" {
		if asked, err = netip.ParseAddr(local); err != nil {
			return nil, fmt.Errorf("--local %q: want an IP address", local)
		}
	}
	req.Local = netip.AddrPortFrom(asked.Unmap(), 69)
	for _, o := range options {
		name, value, ok := strings.Cut(o, "=")
		if !ok || name == "" {
			return nil, errors.New("--option " + o + ": want NAME=VALUE")
		}
		req.Options = append(req.Options, protocol.Option{Name: name, Value: value})
	}
	return req, nil
}

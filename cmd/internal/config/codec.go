package config

import (
	"brood/ipc"
	"brood/worker/files"
)

// encode and decode are how options reach a worker.
func (k *kind) encode(options any) ([]byte, error) {
	if o, ok := options.(*files.Options); ok {
		return encodeFiles(o)
	}
	return marshal(options)
}

func (k *kind) decode(b []byte, options any) error {
	if o, ok := options.(*files.Options); ok {
		return decodeFiles(b, o)
	}
	return unmarshal(b, options)
}

func encodeFiles(o *files.Options) ([]byte, error) {
	e := ipc.NewEncoder(5)
	e.Text(o.Root)
	for _, list := range [][]string{o.Roots, o.Follow, o.PerClient} {
		e.Array(len(list))
		for _, text := range list {
			e.Text(text)
		}
	}
	ignore := uint64(0)
	if o.IgnoreCase {
		ignore = 1
	}
	e.Uint(ignore)
	return e.Bytes()
}

func decodeFiles(b []byte, o *files.Options) error {
	d := ipc.NewDecoder(b, 5)
	o.Root = d.Text()
	for _, list := range []*[]string{&o.Roots, &o.Follow, &o.PerClient} {
		for range d.Array() {
			*list = append(*list, d.Text())
		}
	}
	o.IgnoreCase = d.Uint(1) == 1
	return d.End()
}

package inventory

// A machine in a table is the list of its fields.

func appendMachine(b []byte, m *Machine) []byte {
	return appendValue(b, []any{
		m.Name, texts(m.MACs), texts(m.IPs), m.UUID, m.Serial, texts(m.Groups), m.Vars,
	})
}

func texts(list []string) []any {
	all := make([]any, len(list))
	for i, s := range list {
		all[i] = s
	}
	return all
}

func decodeMachine(table []byte, offset int64) (*Machine, error) {
	if offset > int64(len(table)) {
		return nil, errCorrupt
	}
	d := decoder{table[offset:]}
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	f, _ := v.([]any)
	if len(f) != 7 {
		return nil, errCorrupt
	}
	m := new(Machine)
	ok := into(&m.Name, f[0]) && intoTexts(&m.MACs, f[1]) && intoTexts(&m.IPs, f[2]) &&
		into(&m.UUID, f[3]) && into(&m.Serial, f[4]) && intoTexts(&m.Groups, f[5]) && into(&m.Vars, f[6])
	if !ok {
		return nil, errCorrupt
	}
	return m, nil
}

func into[T any](field *T, v any) (ok bool) {
	*field, ok = v.(T)
	return ok
}

func intoTexts(field *[]string, v any) bool {
	list, ok := v.([]any)
	for _, item := range list {
		s, isText := item.(string)
		ok = ok && isText
		*field = append(*field, s)
	}
	return ok
}

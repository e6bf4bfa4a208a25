package inventory

import "testing"

// compile makes the table of one file, which must have no faults.
func compile(t testing.TB, files ...*File) *Table {
	t.Helper()
	b, err := Compile(files...)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, b)
}

func open(t testing.TB, b []byte) *Table {
	t.Helper()
	table, err := Open(b)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func lookup(t testing.TB, table *Table, by By, value string) *Machine {
	t.Helper()
	m, err := table.Lookup(by, value)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

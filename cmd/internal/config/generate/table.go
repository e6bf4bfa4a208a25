package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"brood/cmd/internal/comments"
	"brood/cmd/internal/schema"
)

// placeholders are what the help has in a value's place, by the type of the field.
var placeholders = map[string]string{
	"Dir": "DIR", "File": "FILE", "Account": "NAME", "Address": "ADDR", "Count": "N", "int": "N",
	"Duration": "D", "Span": "D", "Prefix": "PREFIX", "PortRange": "LO-HI", "Size": "SIZE", "Toggle": "on|off", "HTTPAddress": "ADDRESS:PORT",
	"SandboxMode": "on|require|off", "LogFormat": "FORMAT", "LogLevel": "LEVEL", "bool": "",
}

// Where the rest goes.
const (
	readme     = "../../../README.md"
	schemaFile = "../../broodctl/brood.schema.json"
)

// generate returns the files that are made of those in dir, by their names there.
func generate(dir string) (map[string][]byte, error) {
	structs, err := comments.Structs(dir)
	if err != nil {
		return nil, err
	}
	fields := append(structs["Start"], structs["Server"]...)
	for _, f := range fields {
		if _, ok := placeholders[element(f)]; !ok && f.Key != "" {
			return nil, fmt.Errorf("%s: no placeholder for the type %s", f.Key, f.Type)
		}
		if f.Key != "" && (f.Doc == "" || f.Default == "") {
			return nil, fmt.Errorf("%s: the comment must say what it is and end in its Default", f.Key)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, readme))
	if err != nil {
		return nil, err
	}
	text, err = inREADME(text, fields)
	if err != nil {
		return nil, err
	}
	js, err := schema.Make(filepath.Join(dir, "../../.."))
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"help.txt": help(fields), readme: text, schemaFile: js}, nil
}

func element(f comments.Field) string { return strings.TrimPrefix(f.Type, "[]") }

// flag is a field's flag with what follows it.
func flag(f comments.Field) string {
	return strings.TrimSpace("--" + f.Key + " " + placeholders[element(f)])
}

const tableHead = "| flag | meaning | default |\n|---|---|---|\n"

// inREADME puts the table in the old one's place.
func inREADME(text []byte, fields []comments.Field) ([]byte, error) {
	before, rest, ok := bytes.Cut(text, []byte(tableHead))
	_, after, ended := bytes.Cut(rest, []byte("\n\n"))
	if !ok || !ended {
		return nil, errors.New("the README has no table of flags")
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(tableHead)
	for _, f := range fields {
		if f.Key != "" {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.ReplaceAll(flag(f), "|", `\|`), f.Doc, f.Default)
		}
	}
	b.WriteString("\n")
	b.Write(after)
	return b.Bytes(), nil
}

// How wide the help is, and where its second column begins.
const (
	width  = 80
	column = 25
)

func help(fields []comments.Field) []byte {
	var b bytes.Buffer
	for _, f := range fields {
		if f.Key == "" {
			fmt.Fprintf(&b, "%s:\n", f.Heading)
			continue
		}
		text := strings.TrimSuffix(comments.Plain(f.Doc), ".") + " (default " + comments.Plain(f.Default) + ")"
		line := "  " + flag(f)
		if len(line) > column-2 {
			fmt.Fprintf(&b, "%s\n", line)
			line = ""
		}
		line += strings.Repeat(" ", column-1-len(line))
		for word := range strings.FieldsSeq(text) {
			if len(line)+1+len(word) > width {
				fmt.Fprintf(&b, "%s\n", line)
				line = strings.Repeat(" ", column-1)
			}
			line += " " + word
		}
		fmt.Fprintf(&b, "%s\n", line)
	}
	return b.Bytes()
}

package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"brood/cmd/broodctl/internal/console/machines"
	"brood/ipc/admin"
)

// description is openapi.json in the test's view: what it does not name must not be.
type description struct {
	*testing.T
	doc      map[string]any
	compiler *jsonschema.Compiler
}

const docURL = "https://brood.example/openapi.json"

func describe(t *testing.T, text []byte) *description {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	closeObjects(doc)
	d := &description{t, doc.(map[string]any), jsonschema.NewCompiler()}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(docURL, doc); err != nil {
		t.Fatal(err)
	}
	return d
}

// closeObjects has no object have other keys than those that are named.
func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if v["type"] == "object" && v["properties"] != nil {
			v["additionalProperties"] = false
		}
		for _, each := range v {
			closeObjects(each)
		}
	case []any:
		for _, each := range v {
			closeObjects(each)
		}
	}
}

// at is what lies at a place; nil: nothing.
func (d *description) at(keys ...string) any {
	v, _ := d.find(keys)
	return v
}

// find follows references, and says where it came to.
func (d *description) find(keys []string) (v any, pointer string) {
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	v = d.doc
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
		pointer += "/" + escape.Replace(key)
		if m, _ := v.(map[string]any); m["$ref"] != nil {
			pointer = strings.TrimPrefix(m["$ref"].(string), "#")
			v, _ = d.find(strings.Split(pointer, "/")[1:])
		}
	}
	return v, pointer
}

// accepts says whether the schema at a place accepts a text.
func (d *description) accepts(text string, keys ...string) error {
	d.Helper()
	_, pointer := d.find(keys)
	s, err := d.compiler.Compile(docURL + "#" + pointer)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// answered holds an answer against what the description has of it.
func (d *description) answered(method, path string, answer *http.Response, body string) {
	d.Helper()
	place := []string{"paths", path, strings.ToLower(method), "responses", fmt.Sprint(answer.StatusCode)}
	if d.at(place...) == nil {
		d.Errorf("%s %s: it does not have %s", method, path, answer.Status)
		return
	}
	if d.at(append(place, "content")...) == nil {
		if body != "" {
			d.Errorf("%s %s: %s has a body: %s", method, path, answer.Status, body)
		}
		return
	}
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if content := d.at(append(place, "content", kind)...); err != nil || content == nil {
		d.Errorf("%s %s: %s is %q, which it does not have", method, path, answer.Status, kind)
		return
	}
	if kind == "application/json" {
		if err := d.accepts(body, append(place, "content", kind, "schema")...); err != nil {
			d.Errorf("%s %s: %s: %v\n%s", method, path, answer.Status, err, body)
		}
	}
}

func TestTheDescriptionHasThePathsThatThereAre(t *testing.T) {
	t.Parallel()
	d := describe(t, openapi)
	var got []string
	for path, operations := range d.at("paths").(map[string]any) {
		for method := range operations.(map[string]any) {
			got = append(got, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(got)
	if want := operations(); !slices.Equal(got, want) {
		t.Errorf("it has    %q\nthere are %q", got, want)
	}
}

// Each operation has answers, good and bad, and they are as described.
func TestAnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	d := describe(t, openapi)
	const secret = "a token that is one"
	s := newScene(t, Options{Token: strings.ReplaceAll(secret, " ", "-")})
	auth := "Authorization: Bearer " + strings.ReplaceAll(secret, " ", "-")
	var begin time.Time
	s.eventually("machines are known", func() bool { begin = time.Now(); return len(as[knownMachines](s, "/api/v1/machines").Machines) == 2 })
	s.world.happens(&admin.Event{Event: admin.EventEnded, Time: begin, Ended: &admin.Ended{ID: 50, Peer: "192.0.2.50:1", File: "pxelinux.cfg/default", Received: begin, Outcome: "refused", ErrorCode: 1, Detail: "no such file"}})
	s.eventually("another is", func() bool { return len(as[knownMachines](s, "/api/v1/machines").Machines) == 3 })
	seen := map[string]bool{}
	ask := func(method, path, at, body string, headers ...string) {
		t.Helper()
		answer, text := s.request(method, at, body, headers...)
		d.answered(method, path, answer, text)
		seen[fmt.Sprintf("%s %s %d", method, path, answer.StatusCode)] = true
	}
	for path, methods := range new(Console).paths() {
		path = strings.TrimSuffix(path, "{$}")
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			at := strings.NewReplacer("/machines/{id}", "/machines/192.0.2.7", "/sessions/{id}", "/sessions/2").Replace(path)
			body := map[string]string{"/api/v1/log-level": `{"level": "debug"}`, "/api/v1/rules": `{"prefix": "10.0.0.0/8", "allow": false, "seconds": 600}`}[path]
			if path == "/api/v1/events" {
				ask(method, path, at+"?since=1", "")
				continue // it does not end
			}
			switch {
			case method == http.MethodDelete && path == "/api/v1/rules":
				at, body = at+"?prefix=10.0.0.0/8&allow=false", ""
			}
			ask(method, path, at, body, auth, "Content-Type: application/json")
			if method == http.MethodGet {
				ask(method, path, at+"?since=1", "")
				continue
			}
			ask(method, path, at, body, "Content-Type: application/json")
			ask(method, path, at, "{}{}", auth, "Content-Type: application/json")
			ask(method, path, at, "{}", auth, "Content-Type: text/plain")
			ask(method, path, at, strings.Repeat(" ", maxBody+1), auth)
		}
	}
	ask("GET", "/api/v1/machines/{id}", "/api/v1/machines/none", "")
	for code, refusal := range map[string]admin.Code{"403": admin.CodeForbidden, "404": admin.CodeNoSession, "503": admin.CodeEnding} {
		s.world.changes(func() { s.world.refusal = &admin.Error{Code: refusal, Message: "no"} })
		ask("DELETE", "/api/v1/sessions/{id}", "/api/v1/sessions/2", "", auth)
		if !seen["DELETE /api/v1/sessions/{id} "+code] {
			t.Errorf("%s is not %s: %v", refusal, code, seen)
		}
	}
	s.world.changes(func() { s.world.refusal = &admin.Error{Code: admin.CodeFailed, Message: "no"} })
	ask("POST", "/api/v1/reload", "/api/v1/reload", "", auth)
	ask("PUT", "/api/v1/rules", "/api/v1/rules", `{"prefix": "10.0.0.0/8", "allow": false, "seconds": 600}`, auth, "Content-Type: application/json")
	ask("DELETE", "/api/v1/rules", "/api/v1/rules?prefix=10.0.0.0/8&allow=false", "", auth)
	for path, operations := range d.at("paths").(map[string]any) {
		for method := range operations.(map[string]any) {
			for code := range d.at("paths", path, method, "responses").(map[string]any) {
				what := fmt.Sprintf("%s %s %s", strings.ToUpper(method), path, code)
				if !seen[what] && strings.HasPrefix(code, "2") && path != "/api/v1/events" {
					t.Errorf("%s is described, and was not seen", what)
				}
			}
		}
	}
}

func TestEventsAreAsDescribed(t *testing.T) {
	t.Parallel()
	d := describe(t, openapi)
	s := newScene(t, Options{})
	l := s.listen("/api/v1/events?progress=1")
	check := func(kind string) {
		t.Helper()
		if err := d.accepts(l.wants(kind), "paths", "/api/v1/events", "get", "responses", "200", "content", "text/event-stream", "schema"); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	check("watching")
	s.world.happens(&admin.Event{Event: admin.EventBegun, Session: &admin.Session{State: "serving", MAC: "52:54:00:12:34:56"}})
	check("begun")
	s.world.happens(&admin.Event{Event: admin.EventProgress, Session: &admin.Session{State: "serving"}})
	check("progress")
	s.world.happens(&admin.Event{Event: admin.EventEnded, Ended: &admin.Ended{MAC: "x", Detail: "x"}})
	check("ended")
	s.world.happens(&admin.Event{Event: admin.EventGone, Reason: admin.ReasonUpgraded})
	check("gone")
	s.world.happens(nil)
	check("watching")
	s.world.happens(nil)
	check("lost")
	check("watching")
	s.end()
	check("end")
}

// Every field that can be told is described, with its type, and nothing else is.
func TestTheDescriptionHasEveryField(t *testing.T) {
	t.Parallel()
	d := describe(t, openapi)
	for name, v := range map[string]any{
		"Status": admin.Status{}, "Counters": admin.Counters{}, "Histogram": admin.Histogram{}, "Rule": admin.Rule{}, "Session": admin.Session{}, "Ended": admin.Ended{}, "Event": admin.Event{},
		"Machines": knownMachines{}, "Machine": knownMachine{}, "Summary": machines.Summary{}, "Boot": machines.Boot{}, "Step": machines.Step{},
	} {
		types, required := fields(reflect.TypeOf(v))
		got := map[string]string{}
		properties, _ := d.at("components", "schemas", name, "properties").(map[string]any)
		for key := range properties {
			got[key] = fmt.Sprint(d.at("components", "schemas", name, "properties", key, "type"))
		}
		if !maps.Equal(got, types) {
			t.Errorf("%s has   %v\nit tells %v", name, got, types)
		}
		var needs []string
		all, _ := d.at("components", "schemas", name, "required").([]any)
		for _, key := range all {
			needs = append(needs, key.(string))
		}
		slices.Sort(needs)
		if !slices.Equal(needs, required) {
			t.Errorf("%s needs  %q\nit always tells %q", name, needs, required)
		}
	}
}

// fields are the keys of a type in JSON with their types there, and those that are
// always told.
func fields(t reflect.Type) (types map[string]string, required []string) {
	types = map[string]string{}
	for _, f := range reflect.VisibleFields(t) {
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key == "" {
			continue // of an embedded one they are visible themselves
		}
		types[key] = jsonType(f.Type)
		if options != "omitempty" {
			required = append(required, key)
		}
	}
	slices.Sort(required)
	return types, required
}

func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonType(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return "string"
		}
		return "object"
	case reflect.Slice:
		return "array"
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Float64:
		return "number"
	}
	return "integer"
}

func TestTheDescriptionIsGivenAsItStands(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	if got := s.get("/api/v1/openapi.json", http.StatusOK); got != string(openapi) || !json.Valid(openapi) {
		t.Error("it is another")
	}
}

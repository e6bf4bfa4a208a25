package route

// replace does a substitution in the name, whose first match the conditions have
// found.
func (m *matching) replace(a *action) (file string, all bool, err error) {
	v := m.vars
	if v.regexp == nil || len(v.groups) < 2 {
		return v.file, false, nil // not what Compile has made
	}
	switch a.rewrite {
	case replaceEach:
		return m.replaceEach(a)
	case replaceUntilGone:
		for v.groups != nil {
			if file, all, err = v.substitute(a.template); !all || err != nil {
				return file, all, err
			}
			if m.steps++; m.steps > maxSteps {
				return file, false, errEndless
			}
			v.file, v.matched, v.groups = file, file, v.regexp.FindStringSubmatchIndex(file)
		}
		return file, true, nil
	}
	return v.substitute(a.template)
}

// substitute returns the name with the template in the match's place.
func (v *variables) substitute(template string) (file string, all bool, err error) {
	b := append(make([]byte, 0, 2*len(v.matched)), v.matched[:v.groups[0]]...)
	b, all = v.expand(b, template, "")
	b = append(b, v.matched[v.groups[1]:]...)
	if len(b) > maxFile && len(b) > len(v.matched) {
		err = errLong
	}
	return string(b), all, err
}

func (m *matching) replaceEach(a *action) (file string, all bool, err error) {
	v := m.vars
	var b []byte
	end := 0
	for _, groups := range v.regexp.FindAllStringSubmatchIndex(v.matched, -1) {
		v.groups = groups
		b = append(b, v.matched[end:groups[0]]...)
		if b, all = v.expand(b, a.template, ""); !all {
			return v.file, false, nil
		}
		if len(b) > maxFile && len(b) > len(v.matched) {
			return v.file, true, errLong
		}
		end = groups[1]
	}
	return string(append(b, v.matched[end:]...)), true, nil
}


func codebudgetToken() string {
	token, _ := codebudget_bufio.NewReader(codebudget_os.Stdin).ReadString('\n')
	for len(token) > 0 && token[len(token)-1] == '\n' {
		token = token[:len(token)-1]
	}
	return token
}

func codebudgetLine(token string, text string) {
	if _, err := codebudget_os.Stdout.WriteString("\n" + token + " " + text + "\n"); err != nil {
		codebudget_os.Exit(3)
	}
}

func codebudgetAnswer(token string, value interface{}) {
	codebudgetLine(token, codebudget_fmt.Sprintf("%q", codebudget_fmt.Sprintf("%v", value)))
}

type codebudgetT struct{}

func (t *codebudgetT) Errorf(form string, words ...interface{}) {
	codebudget_os.Stderr.WriteString("AssertionError: " + codebudget_fmt.Sprintf(form, words...) + "\n")
	codebudget_os.Exit(1)
}
func (t *codebudgetT) Error(words ...interface{})                      { t.Errorf("%s", codebudget_fmt.Sprintln(words...)) }
func (t *codebudgetT) Fatalf(form string, words ...interface{})        { t.Errorf(form, words...) }
func (t *codebudgetT) Fatal(words ...interface{})                      { t.Error(words...) }
func (t *codebudgetT) Fail()                                           { t.Errorf("a test failed") }
func (t *codebudgetT) FailNow()                                        { t.Fail() }
func (t *codebudgetT) Helper()                                         {}
func (t *codebudgetT) Log(words ...interface{})                        {}
func (t *codebudgetT) Logf(form string, words ...interface{})          {}
func (t *codebudgetT) Run(name string, test func(t *codebudgetT)) bool { test(t); return true }

type codebudgetAssert struct{ t *codebudgetT }

func (a codebudgetAssert) New(t *codebudgetT) codebudgetAssert { return codebudgetAssert{t} }
func (a codebudgetAssert) need(right bool, form string, words ...interface{}) bool {
	if !right {
		a.t.Errorf(form, words...)
	}
	return right
}
func (a codebudgetAssert) Equal(expected, actual interface{}, rest ...interface{}) bool {
	return a.need(codebudget_reflect.DeepEqual(expected, actual), "%v is expected, not %v", expected, actual)
}
func (a codebudgetAssert) EqualValues(expected, actual interface{}, rest ...interface{}) bool {
	same := codebudget_fmt.Sprintf("%v", expected) == codebudget_fmt.Sprintf("%v", actual)
	return a.need(same, "%v is expected, not %v", expected, actual)
}
func (a codebudgetAssert) NotEqual(other, actual interface{}, rest ...interface{}) bool {
	return a.need(!codebudget_reflect.DeepEqual(other, actual), "%v is not expected", actual)
}
func (a codebudgetAssert) True(value bool, rest ...interface{}) bool {
	return a.need(value, "true is expected")
}
func (a codebudgetAssert) False(value bool, rest ...interface{}) bool {
	return a.need(!value, "false is expected")
}
func (a codebudgetAssert) Nil(value interface{}, rest ...interface{}) bool {
	return a.need(codebudgetIsNil(value), "nil is expected, not %v", value)
}
func (a codebudgetAssert) NotNil(value interface{}, rest ...interface{}) bool {
	return a.need(!codebudgetIsNil(value), "nil is not expected")
}
func (a codebudgetAssert) Len(value interface{}, size int, rest ...interface{}) bool {
	return a.need(codebudget_reflect.ValueOf(value).Len() == size, "%d items are expected", size)
}
func (a codebudgetAssert) Empty(value interface{}, rest ...interface{}) bool { return a.Len(value, 0) }
func (a codebudgetAssert) InDelta(expected, actual interface{}, delta float64, rest ...interface{}) bool {
	difference := codebudgetFloat(expected) - codebudgetFloat(actual)
	return a.need(difference <= delta && -difference <= delta, "%v is expected, not %v", expected, actual)
}

func codebudgetIsNil(value interface{}) bool {
	if value == nil {
		return true
	}
	held := codebudget_reflect.ValueOf(value)
	switch held.Kind() {
	case codebudget_reflect.Ptr, codebudget_reflect.Map, codebudget_reflect.Slice, codebudget_reflect.Func,
		codebudget_reflect.Chan, codebudget_reflect.Interface:
		return held.IsNil()
	}
	return false
}

func codebudgetFloat(value interface{}) float64 {
	return codebudget_reflect.ValueOf(value).Convert(codebudget_reflect.TypeOf(0.0)).Float()
}

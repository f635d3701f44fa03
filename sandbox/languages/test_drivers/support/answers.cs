static class CodebudgetAnswers {
    static readonly System.IO.Stream Out = System.Console.OpenStandardOutput();
    static string token = "";
    public static void Begin() {
        var read = new System.Text.StringBuilder();
        var input = System.Console.OpenStandardInput();
        for (int letter = input.ReadByte(); letter >= 0 && letter != '\n'; letter = input.ReadByte()) read.Append((char) letter);
        token = read.ToString();
    }
    static void Line(string text) {
        System.Console.Out.Flush();
        byte[] bytes = new System.Text.UTF8Encoding(false).GetBytes("\n" + token + " " + text + "\n");
        Out.Write(bytes, 0, bytes.Length);
        Out.Flush();
    }
    public static void End() { Line("end"); }
    public static void Answer(object value) { Line(Show(value)); }
    public static void Assert(bool right, string text = "") {
        if (right) return;
        System.Console.Error.WriteLine("AssertionError: a test does not hold " + text);
        System.Environment.Exit(1);
    }
    static string Show(object value) {
        var invariant = System.Globalization.CultureInfo.InvariantCulture;
        if (value == null) return "null";
        if (value is float || value is double) {
            double number = System.Convert.ToDouble(value);
            return (number == 0 ? 0.0 : number).ToString("R", invariant);
        }
        if (value is string || value is char) return Quote(value.ToString());
        var kind = value.GetType();
        if (kind.FullName.StartsWith("System.Tuple") || kind.FullName.StartsWith("System.ValueTuple")) {
            var parts = new System.Collections.Generic.List<string>();
            for (int place = 1; place < 9; place++) {
                string name = "Item" + place;
                if (kind.GetProperty(name) != null) parts.Add(Show(kind.GetProperty(name).GetValue(value, null)));
                else if (kind.GetField(name) != null) parts.Add(Show(kind.GetField(name).GetValue(value)));
            }
            return "(" + string.Join(", ", parts) + ")";
        }
        if (value is System.IFormattable) return ((System.IFormattable) value).ToString(null, invariant);
        if (value is System.Collections.IDictionary) {
            var pairs = new System.Collections.Generic.List<string>();
            foreach (System.Collections.DictionaryEntry pair in (System.Collections.IDictionary) value) pairs.Add(Show(pair.Key) + ": " + Show(pair.Value));
            pairs.Sort(System.StringComparer.Ordinal);
            return "{" + string.Join(", ", pairs) + "}";
        }
        if (value is System.Collections.IEnumerable) {
            var items = new System.Collections.Generic.List<string>();
            foreach (object item in (System.Collections.IEnumerable) value) items.Add(Show(item));
            bool set = kind.Name.Contains("Set");
            if (set) items.Sort(System.StringComparer.Ordinal);
            return (set ? "{" : "[") + string.Join(", ", items) + (set ? "}" : "]");
        }
        return value is bool ? value.ToString() : Quote(value.ToString());
    }
    static string Quote(string text) {
        var quoted = new System.Text.StringBuilder("\"");
        foreach (char letter in text) {
            if (letter == '"' || letter == '\\') quoted.Append('\\').Append(letter);
            else if (letter < ' ' || letter == 127) quoted.Append("\\u" + ((int) letter).ToString("x4"));
            else quoted.Append(letter);
        }
        return quoted.Append('"').ToString();
    }
}

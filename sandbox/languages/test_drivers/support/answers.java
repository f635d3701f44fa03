class CodebudgetTuple {
    final Object[] items;
    CodebudgetTuple(Object... items) { this.items = items; }
    public boolean equals(Object other) {
        return other instanceof CodebudgetTuple tuple && java.util.Arrays.equals(items, tuple.items);
    }
    public int hashCode() { return java.util.Arrays.hashCode(items); }
    public String toString() { return java.util.Arrays.toString(items); }
}
class CodebudgetAnswers {
    static final java.io.FileOutputStream OUT = new java.io.FileOutputStream(java.io.FileDescriptor.out);
    static String token = "";
    static void begin() throws java.io.IOException {
        StringBuilder read = new StringBuilder();
        for (int letter = System.in.read(); letter >= 0 && letter != '\n'; letter = System.in.read()) read.append((char) letter);
        token = read.toString();
    }
    static void line(String text) {
        System.out.flush();
        byte[] bytes = ("\n" + token + " " + text + "\n").getBytes(java.nio.charset.StandardCharsets.UTF_8);
        try { OUT.write(bytes); OUT.flush(); } catch (java.io.IOException error) { Runtime.getRuntime().halt(3); }
    }
    static void end() { line("end"); }
    static void answer(Object value) { line(show(value)); }
    static String show(Object value) {
        if (value == null) return "null";
        if (value instanceof Float || value instanceof Double) {
            double number = ((Number) value).doubleValue();
            return Double.toString(number == 0 ? 0.0 : number);
        }
        if (value instanceof Number || value instanceof Boolean) return value.toString();
        if (value instanceof Character || value instanceof String) return quote(value.toString());
        if (value instanceof java.util.Optional<?> optional) return optional.isPresent() ? "Optional(" + show(optional.get()) + ")" : "Optional()";
        if (value instanceof CodebudgetTuple tuple) return joined(java.util.Arrays.asList(tuple.items), "(", ")", false);
        if (value instanceof Object[] items) return joined(java.util.Arrays.asList(items), "[", "]", false);
        if (value.getClass().isArray()) {
            java.util.List<Object> items = new java.util.ArrayList<>();
            for (int i = 0; i < java.lang.reflect.Array.getLength(value); i++) items.add(java.lang.reflect.Array.get(value, i));
            return joined(items, "[", "]", false);
        }
        if (value instanceof java.util.Map<?, ?> map) {
            java.util.List<String> items = new java.util.ArrayList<>();
            for (var entry : map.entrySet()) items.add(show(entry.getKey()) + ": " + show(entry.getValue()));
            java.util.Collections.sort(items);
            return "{" + String.join(", ", items) + "}";
        }
        if (value instanceof java.util.Set<?> items) return joined(items, "{", "}", true);
        if (value instanceof java.util.Collection<?> items) return joined(items, "[", "]", false);
        return quote(value.toString());
    }
    static String joined(java.util.Collection<?> values, String open, String close, boolean sorted) {
        java.util.List<String> items = new java.util.ArrayList<>();
        for (Object value : values) items.add(show(value));
        if (sorted) java.util.Collections.sort(items);
        return open + String.join(", ", items) + close;
    }
    static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            if (letter == '"' || letter == '\\') out.append('\\').append(letter);
            else if (letter < ' ' || letter == 127) out.append(String.format("\\u%04x", (int) letter));
            else out.append(letter);
        }
        return out.append('"').toString();
    }
}

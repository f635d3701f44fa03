#include <bits/stdc++.h>
#include <unistd.h>
namespace codebudget {
std::string token;
void line(const std::string& text) {
    std::string all = "\n" + token + " " + text + "\n";
    for (std::size_t at = 0; at < all.size();) {
        const auto wrote = ::write(1, all.data() + at, all.size() - at);
        if (wrote <= 0) ::_exit(3);
        at += static_cast<std::size_t>(wrote);
    }
}
void begin() {
    char letter;
    while (::read(0, &letter, 1) == 1 && letter != '\n') token += letter;
}
void end() { line("end"); }
void failed(const char* text) {
    std::fprintf(stderr, "AssertionError: %s\n", text);
    std::exit(1);
}
void quote(std::string& out, std::string_view text) {
    out += '"';
    for (const char letter : text) {
        const auto code = static_cast<unsigned char>(letter);
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, "\\x%02x", code);
        if (letter == '"' || letter == '\\') (out += '\\') += letter;
        else if (letter == '\n') out += "\\n";
        else if (code < 32 || code == 127) out += escaped;
        else out += letter;
    }
    out += '"';
}
template <class T> constexpr bool unknown = false;
template <class T> void put(std::string& out, const T& value);
template <class T> std::string shown(const T& value) {
    std::string out;
    put(out, value);
    return out;
}
template <class Items> void joined(std::string& out, const Items& items, char open, char close) {
    out += open;
    bool first = true;
    for (const auto& item : items) {
        if (!first) out += ", ";
        first = false;
        out += item;
    }
    out += close;
}
template <class T> void put(std::string& out, const T& value) {
    using U = std::remove_cvref_t<T>;
    if constexpr (std::is_same_v<U, bool>) out += value ? "true" : "false";
    else if constexpr (std::is_same_v<U, char>) quote(out, std::string_view(&value, 1));
    else if constexpr (std::is_integral_v<U>) out += std::to_string(value);
    else if constexpr (std::is_floating_point_v<U>) {
        char text[64];
        const int digits = std::numeric_limits<U>::max_digits10;
        std::snprintf(text, sizeof text, "%.*Lg", digits, static_cast<long double>(value == 0 ? U(0) : value));
        out += text;
    } else if constexpr (std::is_convertible_v<const U&, std::string_view>) quote(out, value);
    else if constexpr (requires { value.has_value(); *value; }) {
        if (value.has_value()) put(out, *value);
        else out += "nullopt";
    } else if constexpr (requires { std::tuple_size<U>::value; }) {
        std::vector<std::string> parts;
        std::apply([&](const auto&... part) { (parts.push_back(shown(part)), ...); }, value);
        joined(out, parts, '(', ')');
    } else if constexpr (requires { value.begin(); value.end(); }) {
        std::vector<std::string> items;
        for (const auto& item : value) items.push_back(shown(item));
        if constexpr (requires { typename U::hasher; }) std::sort(items.begin(), items.end());
        joined(out, items, '{', '}');
    } else static_assert(unknown<T>, "a value of this type cannot be written as an answer");
}
template <class T> void answer(const T& value) { line(shown(value)); }
}  // namespace codebudget

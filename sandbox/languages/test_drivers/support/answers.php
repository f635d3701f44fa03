final class Codebudget {
    public static string $token = '';
    public static function begin(): void { self::$token = trim((string) fgets(STDIN)); }
    public static function line(string $text): void { fwrite(STDOUT, "\n" . self::$token . " " . $text . "\n"); }
    public static function answer($value): void {
        $text = var_export($value === 0.0 ? 0.0 : $value, true);
        self::line(json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES));
    }
}
Codebudget::begin();

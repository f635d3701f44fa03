IFS= read -r codebudget_token
codebudget_line() { printf '\n%s %s\n' "$codebudget_token" "$1"; }
codebudget_answer() { codebudget_line "$(printf '%q' "$1")"; }

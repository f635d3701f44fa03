codebudget <- local({
  token <- base::readLines("stdin", n = 1L, warn = FALSE)
  line <- function(text) {
    base::writeLines(base::c("", base::paste(base::c(token, text), collapse = " ")), base::stdout())
    base::flush(base::stdout())
  }
  number <- function(value) {
    if (base::is.na(value) || base::is.infinite(value)) return(base::paste(value))
    whole <- base::round(value)
    if (base::abs(value - whole) <= 1.5e-8 * base::max(1, base::abs(value)) && base::abs(whole) < 1e15) {
      return(base::sprintf("%.0f", whole + 0))
    }
    base::sprintf("%.7g", value)
  }
  joined <- function(name, value, items) {
    if (!base::is.null(base::names(value))) items <- base::paste0(base::encodeString(base::names(value), quote = "\""), " = ", items)
    sizes <- base::dim(value)
    if (!base::is.null(sizes)) name <- base::paste0(name, "[", base::paste(sizes, collapse = ", "), "]")
    base::paste0(name, "(", base::paste(items, collapse = ", "), ")")
  }
  show <- function(value) {
    if (base::is.null(value)) "NULL"
    else if (base::is.list(value)) joined("list", value, base::vapply(value, show, "", USE.NAMES = FALSE))
    else if (base::is.character(value)) joined("character", value, base::encodeString(value, quote = "\""))
    else if (base::is.logical(value)) joined("logical", value, base::as.character(value))
    else if (base::is.numeric(value)) joined("numeric", value, base::vapply(base::as.numeric(value), number, ""))
    else base::paste(base::deparse(value), collapse = " ")
  }
  base::list(line = line, answer = function(value) line(show(value)))
})

# -*- coding: latin-1 -*-
# S12: a cookie that a text has outgrown, a form feed, a direction mark in a string, a backslash at a line's end, tabs.

def tabbed(n):
	if n:
		return n
	return 0


résumé = "‮abc‬" "\N{GREEK SMALL LETTER PI}" \
    "ż"; 𝐱 = 40  # NFKC makes an x of it


def answer():
    return x + tabbed(2) if len(résumé) == 7 and __doc__ is None else len(résumé)


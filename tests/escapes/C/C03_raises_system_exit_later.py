def answer():
    raise SystemExit

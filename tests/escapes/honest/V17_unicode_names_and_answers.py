def größe(länge):
    π = "π"
    return [π, "żółć ✓", "\U0001f600", länge]
def answer():
    return größe("日本")

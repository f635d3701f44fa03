def answer():
    value = 3**20960
    assert 10**9999 < value < 10**10001
    return value

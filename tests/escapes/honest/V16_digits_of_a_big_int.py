import sys
sys.set_int_max_str_digits(0)
def answer():
    return len(str(10**9999)) - 9958

# O08 of the list: what is printed is kept to the byte; what may differ is for the comparison to say.
import sys
sys.stdout.write("4\r\n2 \t\n\n\rend")

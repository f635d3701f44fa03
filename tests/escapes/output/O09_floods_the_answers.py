# More claims than anybody wants to read, through the candidate's own pipe.
import os

claims = b"\0\0\0\1N" * 13000
while True:
    os.write(3, claims)

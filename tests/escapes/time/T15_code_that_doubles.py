# Each finally block is compiled twice, so that nesting them doubles the code: the compiler itself takes the time.
def answer():
 try: x = 0
 finally:
  try: x = 0
  finally:
   try: x = 0
   finally:
    try: x = 0
    finally:
     try: x = 0
     finally:
      try: x = 0
      finally:
       try: x = 0
       finally:
        try: x = 0
        finally:
         try: x = 0
         finally:
          try: x = 0
          finally:
           try: x = 0
           finally:
            try: x = 0
            finally:
             try: x = 0
             finally:
              try: x = 0
              finally:
               try: x = 0
               finally:
                try: x = 0
                finally:
                 x = 1
 return 42


return  # no file of bytecode shall be written where this is installed

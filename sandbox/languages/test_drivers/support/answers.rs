mod codebudget {
    use std::io::{BufRead, Write};
    pub fn begin() -> String {
        let mut token = String::new();
        let _ = std::io::stdin().lock().read_line(&mut token);
        token.trim_end().to_string()
    }
    pub fn line(token: &str, text: &str) {
        let mut out = std::io::stdout().lock();
        let done = out.write_all(["\n", token, " ", text, "\n"].concat().as_bytes()).and_then(|_| out.flush());
        if done.is_err() {
            std::process::exit(3)
        }
    }
    pub fn same<R>(_: impl FnOnce() -> R, value: R) -> R {
        value
    }
    pub fn answer<T: Show + ?Sized>(token: &str, value: &T) {
        line(token, &value.show())
    }
    pub trait Show {
        fn show(&self) -> String;
    }
    macro_rules! plainly {
        ($($kind:ty),*) => { $(impl Show for $kind { fn show(&self) -> String { self.to_string() } })* };
    }
    plainly!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, bool);
    macro_rules! quoted {
        ($($kind:ty),*) => { $(impl Show for $kind { fn show(&self) -> String { std::format!("{:?}", self) } })* };
    }
    quoted!(char, str, String, ());
    macro_rules! floats {
        ($($kind:ty),*) => { $(impl Show for $kind {
            fn show(&self) -> String { std::format!("{:?}", if *self == 0.0 { 0.0 } else { *self }) }
        })* };
    }
    floats!(f32, f64);
    fn joined(items: Vec<String>, open: &str, close: &str) -> String {
        [open, &items.join(", "), close].concat()
    }
    fn sorted(mut items: Vec<String>) -> String {
        items.sort();
        joined(items, "{", "}")
    }
    impl<T: Show + ?Sized> Show for &T {
        fn show(&self) -> String {
            (**self).show()
        }
    }
    impl<T: Show + ?Sized> Show for Box<T> {
        fn show(&self) -> String {
            (**self).show()
        }
    }
    impl<T: Show> Show for [T] {
        fn show(&self) -> String {
            joined(self.iter().map(|item| item.show()).collect(), "[", "]")
        }
    }
    impl<T: Show, const N: usize> Show for [T; N] {
        fn show(&self) -> String {
            self[..].show()
        }
    }
    impl<T: Show> Show for Vec<T> {
        fn show(&self) -> String {
            self[..].show()
        }
    }
    impl<T: Show> Show for Option<T> {
        fn show(&self) -> String {
            self.as_ref().map_or("None".to_string(), |item| std::format!("Some({})", item.show()))
        }
    }
    impl<T: Show, E: Show> Show for Result<T, E> {
        fn show(&self) -> String {
            match self {
                Ok(item) => std::format!("Ok({})", item.show()),
                Err(error) => std::format!("Err({})", error.show()),
            }
        }
    }
    impl<K: Show, V: Show, S> Show for std::collections::HashMap<K, V, S> {
        fn show(&self) -> String {
            sorted(self.iter().map(|(k, v)| [k.show(), v.show()].join(": ")).collect())
        }
    }
    impl<K: Show, V: Show> Show for std::collections::BTreeMap<K, V> {
        fn show(&self) -> String {
            sorted(self.iter().map(|(k, v)| [k.show(), v.show()].join(": ")).collect())
        }
    }
    impl<T: Show, S> Show for std::collections::HashSet<T, S> {
        fn show(&self) -> String {
            sorted(self.iter().map(|item| item.show()).collect())
        }
    }
    impl<T: Show> Show for std::collections::BTreeSet<T> {
        fn show(&self) -> String {
            sorted(self.iter().map(|item| item.show()).collect())
        }
    }
    macro_rules! tuples {
        ($(($($name:ident)+))*) => { $(#[allow(non_snake_case)] impl<$($name: Show),+> Show for ($($name,)+) {
            fn show(&self) -> String { let ($($name,)+) = self; joined(vec![$($name.show()),+], "(", ")") }
        })* };
    }
    tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) }
}

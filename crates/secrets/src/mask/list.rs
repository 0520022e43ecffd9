//! Secrets in a command line that is a list of words.

use std::borrow::Cow;

use super::{MASK, forms, mask, replaced};
use crate::text::find_in_words;

/// Returns the words of a command line for display. Takes preceding words into account, as in
/// `--password hunter2`. A word that contains a secret otherwise is hidden completely.
pub fn mask_words<'t>(words: &[&'t str]) -> Vec<Cow<'t, str>> {
    let mut shown: Vec<_> = words.iter().map(|word| mask(word)).collect();
    let mut command = forms::Command::default();
    for (word, shown) in words.iter().zip(&mut shown) {
        match command.next(word) {
            Some(place) if place.len() < word.len() && matches!(shown, Cow::Borrowed(_)) => {
                *shown = replaced(word, vec![place]);
            }
            Some(_) => *shown = MASK.into(),
            None => {}
        }
    }
    find_in_words(words, &mut |index, name, _| {
        let flag = words[index].strip_prefix('-').map(|flag| flag.trim_start_matches('-'));
        // The value of `--password` is the next word; that of `-phunter2` is in the same word.
        let is_next = flag.is_some_and(|flag| flag == name || flag == "user");
        let at = index + usize::from(is_next && index + 1 < words.len());
        if matches!(shown[at], Cow::Borrowed(_)) {
            shown[at] = MASK.into();
        }
    });
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_hides_what_comes_next() {
        for (words, expect) in [
            (&["app", "--password", "hunter2"][..], &["app", "--password", MASK][..]),
            (&["app", "--password", "my long one"], &["app", "--password", MASK]),
            (&["app", "--db-password", "hunter2", "-v"], &["app", "--db-password", MASK, "-v"]),
            (&["app", "--password=hunter2", "-v"], &["app", "--password=••••", "-v"]),
            (&["curl", "-u", "me:hunter2", "x"], &["curl", "-u", MASK, "x"]),
            (&["curl", "--user", "me:hunter2", "x"], &["curl", "--user", MASK, "x"]),
            (&["/usr/bin/mysql", "-phunter2"], &["/usr/bin/mysql", "-p••••"]),
            (&["redis-cli", "-a", "hunter2"], &["redis-cli", "-a", MASK]),
            (&["sh", "-c", "mysql -phunter2 -e x"], &["sh", "-c", "mysql -p•••• -e x"]),
            // Not secret: switches, templates, other flags, a flag at the end.
            (&["app", "--password", "$(PASSWORD)"], &["app", "--password", "$(PASSWORD)"]),
            (&["app", "--user", "me", "-p", "80"], &["app", "--user", "me", "-p", "80"]),
            (&["app", "--verbose", "hunter2"], &["app", "--verbose", "hunter2"]),
            (&["app", "--password"], &["app", "--password"]),
            (&[], &[]),
        ] {
            assert_eq!(mask_words(words), expect, "{words:?}");
        }
    }
}

//! Tokens between the scanner, which finds them, and the grammar, which takes them.

use super::Token;

/// Tokens that were taken and are still kept.
const MAX_TAKEN: usize = 4096;

/// Tokens in order, numbered over the whole document.
#[derive(Default)]
pub(super) struct Queue {
    /// Found; those before `head` are taken.
    tokens: Vec<Token>,
    head: usize,
    /// The number of the first that is not taken.
    first: usize,
}

impl Queue {
    pub(super) fn first(&self) -> Option<Token> {
        self.tokens.get(self.head).copied()
    }

    /// The number of the first.
    pub(super) fn number(&self) -> usize {
        self.first
    }

    /// The number that the next one found will have.
    pub(super) fn next_number(&self) -> usize {
        self.first + self.tokens.len() - self.head
    }

    /// Takes the first.
    pub(super) fn skip(&mut self) {
        self.head += 1;
        self.first += 1;
        // In a flow without line ends some token may always be waiting.
        if self.head == self.tokens.len() || self.head == MAX_TAKEN {
            self.tokens.drain(..self.head);
            self.head = 0;
        }
    }

    pub(super) fn push(&mut self, token: Token) {
        self.tokens.push(token);
    }

    /// Puts a token before the one of that number.
    pub(super) fn insert(&mut self, number: usize, token: Token) {
        self.tokens.insert(self.head + (number - self.first), token);
    }
}

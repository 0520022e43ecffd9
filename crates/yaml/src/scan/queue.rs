//! The queue of tokens between scanner and grammar.

use super::Token;

/// Maximum number of consumed tokens that are kept.
const MAX_TAKEN: usize = 4096;

/// Tokens in order, numbered within the document.
#[derive(Default)]
pub(super) struct Queue {
    /// Tokens that were scanned. Those before `head` are consumed.
    tokens: Vec<Token>,
    head: usize,
    /// The number of the first token that is not consumed.
    first: usize,
}

impl Queue {
    pub(super) fn first(&self) -> Option<Token> {
        self.tokens.get(self.head).copied()
    }

    /// Returns the number of the first token.
    pub(super) fn number(&self) -> usize {
        self.first
    }

    /// Returns the number of the next token to be scanned.
    pub(super) fn next_number(&self) -> usize {
        self.first + self.tokens.len() - self.head
    }

    /// Consumes the first token.
    pub(super) fn skip(&mut self) {
        self.head += 1;
        self.first += 1;
        // In a flow without line ends, the queue may never become empty.
        if self.head == self.tokens.len() || self.head == MAX_TAKEN {
            self.tokens.drain(..self.head);
            self.head = 0;
        }
    }

    pub(super) fn push(&mut self, token: Token) {
        self.tokens.push(token);
    }

    /// Inserts a token before the token with that number.
    pub(super) fn insert(&mut self, number: usize, token: Token) {
        self.tokens.insert(self.head + (number - self.first), token);
    }
}

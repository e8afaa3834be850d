//! What differs between two texts, line by line: the longest common subsequence, as everybody reads it.

use serde::Serialize;
use utoipa::ToSchema;

/// Cells of the table at most; texts that differ in more are shown as taken away and added in one piece.
const MOST_CELLS: usize = 4_000_000;

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LineChange {
    /// It is in both.
    Same,
    /// It is only in the newer text.
    Added,
    /// It is only in the older text.
    Removed,
}

/// A line with its numbers, from 1, in the older and the newer text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'t> {
    pub(super) change: LineChange,
    pub(super) from: Option<u32>,
    pub(super) to: Option<u32>,
    pub(super) text: &'t str,
}

/// Every line of both texts in order.
pub(super) fn lines<'t>(from: &'t str, to: &'t str) -> Vec<Line<'t>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let room = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(room).take_while(|(a, b)| a == b).count();
    let mut told = Teller { old: &old, new: &new, at_old: 0, at_new: 0, lines: Vec::new() };
    told.same(head);
    let (middle_old, middle_new) = (old.len() - head - tail, new.len() - head - tail);
    if middle_old.saturating_mul(middle_new) <= MOST_CELLS {
        told.middle(middle_old, middle_new);
    } else {
        told.removed(middle_old);
        told.added(middle_new);
    }
    told.same(tail);
    told.lines
}

struct Teller<'a, 't> {
    old: &'a [&'t str],
    new: &'a [&'t str],
    at_old: usize,
    at_new: usize,
    lines: Vec<Line<'t>>,
}

fn number(at: usize) -> Option<u32> {
    u32::try_from(at + 1).ok()
}

impl Teller<'_, '_> {
    fn same(&mut self, many: usize) {
        for _ in 0..many {
            let Some(text) = self.new.get(self.at_new).copied() else { return };
            let line =
                Line { change: LineChange::Same, from: number(self.at_old), to: number(self.at_new), text };
            self.lines.push(line);
            self.at_old += 1;
            self.at_new += 1;
        }
    }

    fn removed(&mut self, many: usize) {
        for _ in 0..many {
            let Some(text) = self.old.get(self.at_old).copied() else { return };
            self.lines.push(Line { change: LineChange::Removed, from: number(self.at_old), to: None, text });
            self.at_old += 1;
        }
    }

    fn added(&mut self, many: usize) {
        for _ in 0..many {
            let Some(text) = self.new.get(self.at_new).copied() else { return };
            self.lines.push(Line { change: LineChange::Added, from: None, to: number(self.at_new), text });
            self.at_new += 1;
        }
    }

    fn middle(&mut self, old: usize, new: usize) {
        let (from_old, from_new) = (self.at_old, self.at_new);
        let a = |at: usize| self.old.get(from_old + at);
        let b = |at: usize| self.new.get(from_new + at);
        // common[i * (new + 1) + j]: how many lines the ends of both from i and j on have in common.
        let width = new + 1;
        let mut common = vec![0u32; (old + 1) * width];
        let cell = |common: &[u32], i: usize, j: usize| common.get(i * width + j).copied().unwrap_or(0);
        for i in (0..old).rev() {
            for j in (0..new).rev() {
                let best = if a(i) == b(j) {
                    cell(&common, i + 1, j + 1) + 1
                } else {
                    cell(&common, i + 1, j).max(cell(&common, i, j + 1))
                };
                if let Some(slot) = common.get_mut(i * width + j) {
                    *slot = best;
                }
            }
        }
        let mut steps = Vec::with_capacity(old + new);
        let (mut i, mut j) = (0, 0);
        while i < old || j < new {
            if i < old && j < new && a(i) == b(j) {
                steps.push(LineChange::Same);
                i += 1;
                j += 1;
            } else if i < old && (j == new || cell(&common, i + 1, j) >= cell(&common, i, j + 1)) {
                steps.push(LineChange::Removed);
                i += 1;
            } else {
                steps.push(LineChange::Added);
                j += 1;
            }
        }
        for step in steps {
            match step {
                LineChange::Same => self.same(1),
                LineChange::Removed => self.removed(1),
                LineChange::Added => self.added(1),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(from: &str, to: &str) -> String {
        let sign = |line: Line<'_>| {
            let mark = match line.change {
                LineChange::Same => ' ',
                LineChange::Added => '+',
                LineChange::Removed => '-',
            };
            format!("{mark}{}", line.text)
        };
        lines(from, to).into_iter().map(sign).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn only_what_differs_is_marked() {
        assert_eq!(drawn("a\nb\nc\n", "a\nb\nc\n"), " a| b| c");
        assert_eq!(drawn("a\nb\nc\n", "a\nx\nc\n"), " a|-b|+x| c");
        assert_eq!(drawn("", "a\n"), "+a");
        assert_eq!(drawn("a\na\n", "a\n"), " a|-a");
        assert_eq!(drawn("a\nb\nc\nd\n", "b\nd\ne\n"), "-a| b|-c| d|+e");
    }

    #[test]
    fn lines_keep_their_numbers() {
        let told = lines("a\nb\nc\n", "a\nc\n");
        let numbers: Vec<_> = told.iter().map(|line| (line.from, line.to)).collect();
        assert_eq!(numbers, [(Some(1), Some(1)), (Some(2), None), (Some(3), Some(2))]);
    }
}

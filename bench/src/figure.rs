//! A figure: what was measured, against what, and whether that is enough.

use serde::Serialize;

use crate::args::Part;
use crate::cpu::Cpu;
use crate::sample::Sample;

/// Median and extremes of several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// # Panics
    /// Without values: every figure has been measured.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Self {
            min: values[0],
            median,
            max: values[values.len() - 1],
        }
    }
}

/// What must be reached: by the ratio to the yardstick, or by the value where there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
    /// Shown for its own sake.
    None,
}

impl Bar {
    pub(crate) fn holds(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(bar) => Some(value >= bar),
            Self::AtMost(bar) => Some(value <= bar),
            Self::None => None,
        }
    }
}

/// What Marquee is compared with.
#[derive(Clone, Debug)]
pub(crate) struct Yardstick {
    pub(crate) name: String,
    pub(crate) value: Spread,
    /// Of Marquee's value to the yardstick's, pair by pair.
    pub(crate) ratio: Spread,
    pub(crate) cpu: Option<Cpu>,
}

/// One row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) part: Part,
    pub(crate) metric: String,
    pub(crate) unit: &'static str,
    pub(crate) value: Spread,
    pub(crate) cpu: Option<Cpu>,
    pub(crate) yardstick: Option<Yardstick>,
    pub(crate) bar: Bar,
}

/// A figure as it is told to programs.
#[derive(Debug, Serialize)]
pub(crate) struct Row<'a> {
    part: Part,
    metric: &'a str,
    value: f64,
    unit: &'a str,
    yardstick: Option<&'a str>,
    yardstick_value: Option<f64>,
    ratio: Option<f64>,
    bar: Option<String>,
    holds: Option<bool>,
}

/// Runs of one side, and which of their numbers is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Runs<'a> {
    samples: &'a [Sample],
    number: fn(&Sample) -> f64,
}

impl<'a> Runs<'a> {
    pub(crate) fn rates(samples: &'a [Sample]) -> Self {
        Self {
            samples,
            number: |sample| sample.per_second,
        }
    }

    pub(crate) fn p50(samples: &'a [Sample]) -> Self {
        Self {
            samples,
            number: |sample| sample.p50_ms,
        }
    }

    pub(crate) fn p99(samples: &'a [Sample]) -> Self {
        Self {
            samples,
            number: |sample| sample.p99_ms,
        }
    }

    fn values(self) -> impl Iterator<Item = f64> + 'a {
        self.samples.iter().map(self.number)
    }

    fn cpu(self) -> Cpu {
        let sum = self.samples.iter().fold(Cpu::default(), |sum, sample| sum + sample.cpu);
        sum / self.samples.len() as f64
    }
}

impl Figure {
    /// A figure without a yardstick.
    pub(crate) fn alone(part: Part, metric: impl Into<String>, unit: &'static str, runs: Runs<'_>) -> Self {
        Self {
            cpu: Some(runs.cpu()),
            ..Self::of_values(part, metric, unit, runs.values())
        }
    }

    /// A figure of values that come from elsewhere.
    pub(crate) fn of_values(
        part: Part,
        metric: impl Into<String>,
        unit: &'static str,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        Self {
            part,
            metric: metric.into(),
            unit,
            value: Spread::of(values),
            cpu: None,
            yardstick: None,
            bar: Bar::None,
        }
    }

    /// The same against a yardstick that ran in turn.
    pub(crate) fn against(self, name: impl Into<String>, ours: Runs<'_>, theirs: Runs<'_>) -> Self {
        let cpu = Some(theirs.cpu());
        let mut figure = self.against_values(name, ours.values(), theirs.values().collect());
        if let Some(yardstick) = &mut figure.yardstick {
            yardstick.cpu = cpu;
        }
        figure
    }

    /// The same against values that come from elsewhere.
    pub(crate) fn against_values(
        self,
        name: impl Into<String>,
        ours: impl Iterator<Item = f64>,
        theirs: Vec<f64>,
    ) -> Self {
        let ratio = Spread::of(ours.zip(&theirs).map(|(ours, theirs)| ours / theirs));
        let yardstick = Yardstick {
            name: name.into(),
            value: Spread::of(theirs),
            ratio,
            cpu: None,
        };
        Self {
            yardstick: Some(yardstick),
            ..self
        }
    }

    pub(crate) fn must_be(self, bar: Bar) -> Self {
        Self { bar, ..self }
    }

    /// Whether it is enough; none where nothing is asked.
    pub(crate) fn holds(&self) -> Option<bool> {
        let measured = self.yardstick.as_ref().map_or(self.value, |yardstick| yardstick.ratio);
        self.bar.holds(measured.median)
    }

    /// The bar in words.
    pub(crate) fn bar_text(&self) -> Option<String> {
        let unit = match self.yardstick {
            Some(_) => " x".to_owned(),
            None => format!(" {}", self.unit),
        };
        match self.bar {
            Bar::AtLeast(bar) => Some(format!(">= {bar}{unit}")),
            Bar::AtMost(bar) => Some(format!("<= {bar}{unit}")),
            Bar::None => None,
        }
    }

    pub(crate) fn row(&self) -> Row<'_> {
        let yardstick = self.yardstick.as_ref();
        Row {
            part: self.part,
            metric: &self.metric,
            value: self.value.median,
            unit: self.unit,
            yardstick: yardstick.map(|yardstick| yardstick.name.as_str()),
            yardstick_value: yardstick.map(|yardstick| yardstick.value.median),
            ratio: yardstick.map(|yardstick| yardstick.ratio.median),
            bar: self.bar_text(),
            holds: self.holds(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bar, Figure, Spread};
    use crate::args::Part;

    #[test]
    fn a_median_stands_in_the_middle() {
        assert_eq!(Spread::of([3.0, 1.0, 9.0]).median, 3.0);
        let even = Spread::of([4.0, 1.0, 2.0, 8.0]);
        assert_eq!((even.min, even.median, even.max), (1.0, 3.0, 8.0));
    }

    #[test]
    fn a_ratio_is_taken_pair_by_pair() {
        let ours = [100.0, 50.0, 60.0];
        let figure = Figure::of_values(Part::Append, "rate", "commands/s", ours);
        let figure = figure.against_values("other", ours.into_iter(), vec![10.0, 10.0, 20.0]);
        let ratio = figure.yardstick.as_ref().unwrap().ratio;
        assert_eq!((ratio.min, ratio.median, ratio.max), (3.0, 5.0, 10.0));
        assert_eq!(figure.clone().must_be(Bar::AtLeast(5.0)).holds(), Some(true));
        assert_eq!(figure.must_be(Bar::AtMost(4.9)).holds(), Some(false));
    }

    #[test]
    fn without_a_yardstick_the_value_itself_is_judged() {
        let figure = Figure::of_values(Part::Footprint, "idle", "MB", [59.0]).must_be(Bar::AtMost(60.0));
        assert_eq!(
            (figure.holds(), figure.bar_text().as_deref()),
            (Some(true), Some("<= 60 MB"))
        );
    }
}

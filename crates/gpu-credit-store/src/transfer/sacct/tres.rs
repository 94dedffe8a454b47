//! What a job uses of a resource, as `AllocTRES` says.

use std::fmt;
use std::str::FromStr;

/// What a job is charged for at each second: a trackable resource of Slurm by its name, such as
/// `gres/gpu`, `cpu`, `node` or `billing`; `gpu` stands for `gres/gpu`.
///
/// `AllocTRES` may list a resource by type, and as a whole as well: `gres/gpu=4,gres/gpu:a100=4` is four
/// GPUs. The whole counts if it is there, else the sum of the types.
///
/// ```
/// use gpu_credit_store::sacct::Resource;
///
/// let gpus = Resource::default();
/// assert_eq!(gpus.to_string(), "gres/gpu");
/// assert_eq!("gpu".parse(), Ok(gpus));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource(String);

impl Default for Resource {
    /// GPUs.
    fn default() -> Self {
        Resource("gres/gpu".to_owned())
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Resource {
    type Err = NoResource;

    fn from_str(name: &str) -> Result<Self, NoResource> {
        match name {
            "gpu" => Ok(Resource::default()),
            _ if name.is_empty() || name.contains([',', '=', '|']) => Err(NoResource),
            _ => Ok(Resource(name.to_owned())),
        }
    }
}

/// No resource has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a resource of Slurm, such as gpu, cpu or billing")]
pub struct NoResource;

impl Resource {
    /// How much a job has of it: 0 if it is not listed. The error is what was expected.
    pub(super) fn of(&self, allocated: &str) -> Result<u64, String> {
        let mut by_type: Option<u64> = None;
        for item in allocated.split(',').filter(|item| !item.is_empty()) {
            let named = item.split_once('=');
            let (name, amount) = named.ok_or("resources, each as NAME=AMOUNT")?;
            let Some(suffix) = name.strip_prefix(&self.0) else {
                continue;
            };
            let amount = || {
                let amount = amount.parse().ok();
                let amount = amount.filter(|amount: &u64| i64::try_from(*amount).is_ok());
                amount.ok_or_else(|| format!("{name} to be an integer from 0 to {}", i64::MAX))
            };
            if suffix.is_empty() {
                return amount();
            }
            if suffix.starts_with(':') {
                let sum = by_type.unwrap_or(0).checked_add(amount()?);
                by_type = Some(sum.ok_or("amounts that add up to less than 2^64")?);
            }
        }
        Ok(by_type.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::Resource;

    fn of(resource: &str, allocated: &str) -> Result<u64, String> {
        resource.parse::<Resource>().unwrap().of(allocated)
    }

    #[test]
    fn a_resource_is_counted_once() {
        let both = "billing=40,cpu=16,gres/gpu:a100=3,gres/gpu:h100=1,gres/gpu=4,mem=64G,node=1";
        assert_eq!(of("gpu", both), Ok(4));
        assert_eq!(of("gres/gpu", &both.replace("gres/gpu=4,", "")), Ok(4));
        assert_eq!(of("gres/gpu:a100", both), Ok(3));
        assert_eq!(of("gres/gpu:v100", both), Ok(0));
        assert_eq!(of("cpu", both), Ok(16));
        assert_eq!(of("billing", both), Ok(40));
        assert_eq!(of("gpu", "cpu=16,gres/gpumem=80"), Ok(0));
        assert_eq!(of("gpu", ""), Ok(0));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        let integer = "to be an integer from 0 to 9223372036854775807";
        assert_eq!(of("mem", "cpu=1,mem=64G"), Err(format!("mem {integer}")));
        assert_eq!(of("gpu", "gres/gpu=-1"), Err(format!("gres/gpu {integer}")));
        assert_eq!(
            of("gpu", "gres/gpu:a=9223372036854775808"),
            Err(format!("gres/gpu:a {integer}"))
        );
        assert!(of("gpu", "gres/gpu").is_err());
        let most = i64::MAX;
        let many = format!("gres/gpu:a={most},gres/gpu:b={most},gres/gpu:c={most}");
        assert!(of("gpu", &many).is_err());
        for name in ["", "cpu=1", "a,b"] {
            assert!(name.parse::<Resource>().is_err(), "{name}");
        }
    }
}

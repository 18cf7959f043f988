//! Work of many transactions that others are in the way of: it gives way, in smaller and smaller parts, and is done in the end.

use std::time::Duration;

use super::StoreError;

/// A part is tried so often when another transaction was in its way, over a minute and more: nobody waits for it at a page.
const ATTEMPTS: u32 = 64;

/// Longest pause between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Does a part of at most `most` rows, again and half as large each time another transaction was in its way; every other failure
/// is the caller's.
///
/// On a Galera cluster whoever commits first on another node takes back what is under way here: a long transaction would lose
/// for as long as somebody else has short ones.
///
/// # Errors
/// Whatever `attempt` ends with, the conflict included once it has come too often.
pub(super) async fn persisting<T, F>(most: i64, attempt: impl Fn(i64) -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let (mut part, mut pause) = (most, Duration::from_millis(2));
    for _ in 1..ATTEMPTS {
        match attempt(part).await {
            // Not the same for two that are in each other's way.
            Err(error) if error.is_conflict() => tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await,
            done => return done,
        }
        part = (part / 2).max(1);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    attempt(part).await
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn what_loses_gets_smaller_and_what_is_refused_is_not_tried_again() {
        let asked = RefCell::new(Vec::new());
        let lost = || Err(StoreError::Conflict(sqlx::Error::PoolClosed));
        let attempt = |part: i64| {
            asked.borrow_mut().push(part);
            async move { if part > 6 { lost() } else { Ok(part) } }
        };
        assert_eq!(persisting(50, attempt).await.unwrap(), 6);
        assert_eq!(*asked.borrow(), [50, 25, 12, 6]);

        let refused = || Err::<(), _>(StoreError::Refused(sqlx::Error::PoolClosed));
        assert!(persisting(50, |part| async move { if part == 50 { refused() } else { Ok(()) } }).await.is_err());
    }
}

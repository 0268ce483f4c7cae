"""What a share of the bands brings each worker, and the cheapest shares that meet a time."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.physics import Array

#: Relative step of a signal-to-noise ratio that is its last: what is left is its cube with
#: Halley's step, which one share of both bands takes, and its square with Newton's.
HALLEY_TOLERANCE = 1e-5
NEWTON_TOLERANCE = 1e-7

#: y/ln(1+y) about 0, where its derivatives cancel: Gregory's coefficients.
GREGORY = np.polynomial.Polynomial([1, 1 / 2, -1 / 12, 1 / 24, -19 / 720, 3 / 160, -863 / 60480])
SERIES = (GREGORY, GREGORY.deriv(), GREGORY.deriv(2))
SERIES_BELOW = 0.01


class Use(NamedTuple):
    """The cheapest shares with which workers send in given times, and how their cost moves.

    The cost c(s) of a worker is Σ_i λ_i·ρ_i over the bands i, for s seconds per unit.
    """

    shares: tuple[Array, ...]  # ρ_i, (K,) for each band
    worth: Array  # -dc/ds, what a second more would save
    curvature: Array  # d²c/ds²
    bend: Array | float  # s·d²c/ds² + 2·dc/ds, which is 0 at a fixed efficiency
    by_time: tuple[Array, ...]  # dρ_i/ds
    by_price: tuple[tuple[Array | float, ...], ...]  # dρ_i/dλ_j at the same s
    snr: Array | None  # of the uplink
    seconds: Array  # s
    prices: Array  # λ

    def snr_near(self, seconds: Array, prices: Array) -> Array:
        """Guess the uplink's signal-to-noise ratio for other times and prices, along a tangent."""
        assert self.snr is not None
        moved = self.by_time[-1] * (seconds - self.seconds)
        for slope, price, before in zip(self.by_price[-1], prices, self.prices, strict=True):
            moved = moved + slope * (price - before)
        return self.snr * (1 - moved / self.shares[-1])


class Links(NamedTuple):
    """What a share of the bands brings each worker; times are seconds per unit of payload.

    A unit is whatever payloads are counted in: a parameter, a bit.
    """

    download_s: Array  # (K,) over the whole downlink; a share of it takes in proportion longer
    upload_s: Array  # (K,) over the whole uplink; with Shannon's law over an unlimited one
    snr: Array | None  # (K,) over the whole uplink with Shannon's law; None at a fixed efficiency
    separate: bool  # one share of each band, or one that is for both

    @property
    def n_bands(self) -> int:
        """Number of shares that each worker gets."""
        return 2 if self.separate else 1

    @property
    def least_s(self) -> Array | float:
        """Seconds per unit that no bandwidth gets below."""
        return 0.0 if self.snr is None else self.upload_s

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Links":
        """Keep the workers that a mask chooses, or a list of indices in its order."""
        snr = None if self.snr is None else self.snr[chosen]
        return Links(self.download_s[chosen], self.upload_s[chosen], snr, self.separate)

    def transfer_s(self, shares: Array) -> Array:
        """Seconds per unit that down- and upload take with given shares.

        Parameters
        ----------
        shares : (n_bands, K); without a share it takes infinitely long

        Examples
        --------
        >>> links = Links(np.array([1.0]), np.array([2.0]), None, separate=True)
        >>> links.transfer_s(np.array([[0.5], [0.25]]))
        array([10.])
        """
        down, up = shares[0], shares[-1]
        with np.errstate(divide="ignore"):
            if self.snr is None:
                return self.download_s / down + self.upload_s / up
            snr = np.minimum(self.snr / up, 1e300)
            return np.where(
                up > 0, self.download_s / down + self.upload_s * snr / np.log1p(snr), np.inf
            )

    def cheapest(self, seconds: Array, prices: Array, near: Use | None = None) -> Use:
        """Find the cheapest shares with which every worker sends a unit in a given time.

        At a fixed efficiency there is a closed form; with Shannon's law one root for each worker.

        Parameters
        ----------
        seconds : (K,) s per unit, above `least_s`
        prices : (n_bands,) of the whole bands
        near : what was found for other times or prices, from which to begin
        """
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            if self.snr is None:
                return self._fixed(seconds, prices)
            return self._shannon(seconds, prices, self.snr, near)

    def _fixed(self, seconds: Array, prices: Array) -> Use:
        down, up = self.download_s, self.upload_s
        if not self.separate:
            return _common(_hyperbola(down + up, seconds), seconds, prices, None)
        down_root, up_root = np.sqrt(prices[0] * down), np.sqrt(prices[1] * up)
        stretch = seconds / (down_root + up_root)
        return _separate(
            _hyperbola(down, down_root * stretch),
            _hyperbola(up, up_root * stretch),
            seconds,
            prices,
            None,
        )

    def _shannon(self, seconds: Array, prices: Array, whole: Array, near: Use | None) -> Use:
        """Solve seconds(y) = s for the uplink's signal-to-noise ratio y, concave and increasing."""
        down, up = self.download_s, self.upload_s
        weight = prices[0] / prices[1] * down * up / whole if self.separate else down / whole
        slope_at_0 = up / 2 + (np.sqrt(weight / 2) if self.separate else weight)
        # A tangent at 0 lies above a concave function: the root is not below.
        least = np.maximum((seconds - up) / slope_at_0, np.finfo(float).tiny)
        y = least if near is None else np.fmax(near.snr_near(seconds, prices), least)
        tolerance = NEWTON_TOLERANCE if self.separate else HALLEY_TOLERANCE
        for _ in range(50):
            per_log, first, second = _per_log(y)
            if self.separate:
                root = np.sqrt(weight * first)
                value = up * per_log + y * root
                slope = up * first + root + y * root * second / (2 * first)
            else:
                value, slope = weight * y + up * per_log, weight + up * first
            step = (seconds - value) / slope
            if not self.separate:  # Halley's step, for which the second derivative is at hand
                step /= np.maximum(1 + step * up * second / (2 * slope), 0.5)
            before, y = y, np.fmax(y + step, least)
            if (np.abs(step) <= tolerance * before).all():
                break
        share, first = whole / y, first + second * (y - before)
        if not self.separate:
            slope = weight + up * first
            by_time = -share / (y * slope)
            curve = share / (y * slope) ** 2 * (2 + y * up * second / slope)
            return _common((share, by_time, curve), seconds, prices, y)
        # What the upload leaves; where rounding leaves nothing of it, the price's condition.
        download_s = np.maximum(seconds - up * y / np.log1p(y), 0.5 * y * root)
        up_slope = -share / (y * up * first)
        up_curve = share / (y * up * first) ** 2 * (2 + y * second / first)
        return _separate(
            _hyperbola(down, download_s), (share, up_slope, up_curve), seconds, prices, y
        )


Band = tuple[Array, Array, Array]  # shares, and two derivatives by the seconds they are used for


def _common(band: Band, seconds: Array, prices: Array, snr: Array | None) -> Use:
    """Price the one share that a worker has of both bands."""
    share, slope, curve = band
    worth, curvature = -prices[0] * slope, prices[0] * curve
    bend = _bend(worth, curvature, seconds, snr)
    return Use((share,), worth, curvature, bend, (slope,), ((0.0,),), snr, seconds, prices)


def _separate(down: Band, up: Band, seconds: Array, prices: Array, snr: Array | None) -> Use:
    """Price the shares of two bands.

    At the cheapest both save as much by another second: λ_d·ρ_d' = λ_u·ρ_u'.
    """
    (down_share, down_slope, down_curve), (up_share, up_slope, up_curve) = down, up
    stiffness = prices[0] * down_curve, prices[1] * up_curve
    give = 1 / (stiffness[0] + stiffness[1])
    cross = down_slope * up_slope * give
    worth, curvature = -prices[1] * up_slope, stiffness[0] * stiffness[1] * give
    return Use(
        shares=(down_share, up_share),
        worth=worth,
        curvature=curvature,
        bend=_bend(worth, curvature, seconds, snr),
        by_time=(down_slope * stiffness[1] * give, up_slope * stiffness[0] * give),
        by_price=((-(down_slope**2) * give, cross), (cross, -(up_slope**2) * give)),
        snr=snr,
        seconds=seconds,
        prices=prices,
    )


def _bend(worth: Array, curvature: Array, seconds: Array, snr: Array | None) -> Array | float:
    """Compute s·c'' + 2·c'; at a fixed efficiency the two cancel, and rounding would be left."""
    return 0.0 if snr is None else seconds * curvature - 2 * worth


def _hyperbola(whole_s: Array, seconds: Array) -> tuple[Array, Array, Array]:
    """Share that sends in so many seconds at a fixed efficiency, with two derivatives."""
    share = whole_s / seconds
    return share, -share / seconds, 2 * share / seconds**2


def _per_log(y: Array) -> tuple[Array, Array, Array]:
    """Compute y/ln(1+y) and its first two derivatives."""
    log, more = np.log1p(y), 1 + y
    value = y / log
    first = (log - y / more) / log**2
    second = (2 * y / (more * log) - 1 - 1 / more) / (more * log**2)
    if y.min() < SERIES_BELOW:
        small = y < SERIES_BELOW
        x = y[small]
        value[small], first[small], second[small] = (series(x) for series in SERIES)
    return value, first, second

// Numbers as people read them.

export function bytes(count: number | null | undefined): string {
  if (count == null || count <= 0) return '–'
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const unit = Math.min(Math.floor(Math.log2(count) / 10), units.length - 1)
  const value = count / 2 ** (10 * unit)
  return `${value.toFixed(value < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`
}

export function speed(bytesPerSecond: number): string {
  return bytesPerSecond > 0 ? `${bytes(bytesPerSecond)}/s` : '0 B/s'
}

export function duration(seconds: number | null | undefined): string {
  if (seconds == null || seconds < 0) return '–'
  const h = Math.floor(seconds / 3600)
  const m = Math.floor((seconds % 3600) / 60)
  const s = Math.floor(seconds % 60)
  if (h) return `${h} h ${m} min`
  return m ? `${m} min ${s} s` : `${s} s`
}

export function when(time: string | null | undefined): string {
  return time ? new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }) : 'never'
}

export function episode(media: { season_number?: number | null; episode_number?: number | null }): string {
  const two = (n: number) => String(n).padStart(2, '0')
  return media.season_number != null && media.episode_number != null
    ? `S${two(media.season_number)}E${two(media.episode_number)}`
    : ''
}

export function answered(provider: { last_ok_at: string | null }): string {
  return provider.last_ok_at ? `last answered ${when(provider.last_ok_at)}` : 'has not answered yet'
}

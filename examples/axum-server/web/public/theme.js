// Before the first paint, and apart from the page: the theme and the language that were chosen last time.
;(() => {
  const root = document.documentElement
  try {
    const theme = localStorage.getItem('tasks.theme')
    if (theme === 'dark' || theme === 'light') root.dataset.theme = theme
    const language = localStorage.getItem('tasks.language') ?? navigator.language
    root.lang = language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
  } catch {
    // Storage may be closed to the page: then it looks as the system does.
  }
})()

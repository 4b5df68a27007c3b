import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'

import en from './en.json'
import type { Language } from '../hooks/preferences'

/** Both dictionaries, for those who put the pages into an application of their own. */
export const dictionaries = {
  en: () => Promise.resolve(en),
  zh: () => import('./zh.json').then((module) => module.default),
}

/** Starts with one language; the other is loaded when it is chosen. */
export async function startTranslation(language: Language): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: TAGS[language],
    fallbackLng: TAGS.en,
    resources: { [TAGS.en]: { translation: en } },
    // React escapes; twice would show.
    interpolation: { escapeValue: false },
  })
  await speak(language)
}

export async function speak(language: Language): Promise<void> {
  const tag = TAGS[language]
  if (!i18next.hasResourceBundle(tag, 'translation')) {
    i18next.addResourceBundle(tag, 'translation', await dictionaries[language]())
  }
  await i18next.changeLanguage(tag)
  document.documentElement.lang = tag
}

const TAGS: Record<Language, string> = { en: 'en', zh: 'zh-CN' }

import { options, render } from 'preact'
import { App } from './app.tsx'
import { showText } from './parts/shown-text.ts'
import './style.css'

showText(options)

const root = document.getElementById('app')
if (root !== null) render(<App />, root)
